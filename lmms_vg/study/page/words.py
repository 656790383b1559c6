"""Words of the page that need explaining, so that each can be explained where it stands."""

from __future__ import annotations

import re

#: Word -> what it means.
WORDS = {
    "1.3× other images": "The box holds 1.3 times the attention that maps of other images put on it, at that layer. 1× is "
    "what a look has that cannot know the box. It shows a look that depends on this image; whether the question steers it, "
    "and whether the answer rests on it, are other questions.",
    "AR": "Mean attention inside the box over mean attention everywhere: 1 is even. It depends on padding and on where objects "
    "stand.",
    "KL": "Distance of the map from an even look at the box, in nats. It depends on the box's size, so it is never judged "
    "alone.",
    "JS": "The same distance on a scale from 0 to .693. It depends on the box's size, too.",
    "placement": "Share of all places of the same shape in the image that hold less attention than the box. 0.5 is chance.",
    "if the box is hidden": "The question was asked again with the box filled from its surroundings: does the answer change?",
}


def explained(text: str) -> list[tuple[str, str]]:
    """Return the words of a text that are in `WORDS`, with their meaning.

    >>> [word for word, _ in explained("phantoms: AR and placement")]
    ['AR', 'placement']
    """
    return [(word, meaning) for word, meaning in WORDS.items() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
