"""The rubric by which clinicians rate a question: three scales of 1 to 5, after the paper's rebuttal (its Section B).

Levels and examples mean what the paper's mean; the words are ours. A question is kept from level 3 on, on every scale.
"""

from __future__ import annotations

from typing import NamedTuple

#: The least score that a question needs on every scale (paper, Section B of the rebuttal).
THRESHOLD = 3


class ScaleLevel(NamedTuple):
    """One level of a scale: what it means, and questions that deserve it."""

    score: int
    name: str
    meaning: str
    examples: tuple[str, ...] = ()


class RatingScale(NamedTuple):
    """One scale; `levels` are those from 1 to 5."""

    key: str
    title: str
    asks: str
    levels: tuple[ScaleLevel, ...]


SCALES = (
    RatingScale(
        "clinical_relevance",
        "Clinical relevance",
        "Would a clinician ask this of this image?",
        (
            ScaleLevel(1, "Irrelevant", "Misleading, senseless or out of place for this image."),
            ScaleLevel(2, "Marginal", "Little medical value, or only loosely about the case."),
            ScaleLevel(3, "Acceptable", "Of reasonable clinical meaning."),
            ScaleLevel(4, "Useful", "Clearly relevant; the answer helps to interpret the image."),
            ScaleLevel(5, "Highly relevant", "Well put and correct, and of direct use to clinical reasoning."),
        ),
    ),
    RatingScale(
        "visual_grounding",
        "Visual grounding",
        "Is the question about what is in the box?",
        (
            ScaleLevel(1, "Elsewhere", "About other anatomy, or as if there were no box."),
            ScaleLevel(2, "Weak", "The box matters only by accident; most of it has nothing to do with the text."),
            ScaleLevel(3, "Reasonable", "Overlaps the region in the box, or implies it."),
            ScaleLevel(4, "Clear", "Clearly refers to the region in the box."),
            ScaleLevel(5, "Exact", "Refers to precisely this region and to nothing else."),
        ),
    ),
    RatingScale(
        "minimum_semantic_grounding",
        "Minimum semantic grounding",
        "How little medical knowledge beyond seeing does it take? Little is a high score.",
        (
            ScaleLevel(
                1,
                "Very deep",
                "Takes advanced reasoning in several steps: stage, prognosis, mechanism, choice of treatment.",
                ("Which treatment does this condition call for?", "What does this pattern mean for the outlook?"),
            ),
            ScaleLevel(
                2,
                "High",
                "Takes much medical knowledge: reasoning about particular diseases or diagnoses.",
                ("Which diseases does the image show?",),
            ),
            ScaleLevel(
                3,
                "Moderate",
                "Links what is seen to broad classes of pathology, such as growth, inflammation or degeneration.",
                ("Do the changes look like damage of long standing?",),
            ),
            ScaleLevel(
                4,
                "Low to moderate",
                "Takes particular medical descriptions, but no class of pathology and no diagnosis.",
                ("Does the structure push neighbouring tissue aside?", "Is a region diffuse rather than well defined?"),
            ),
            ScaleLevel(
                5,
                "Low",
                "Takes only basic recognition: body parts, organs, simple structures, fractures, nodules.",
                ("Can a fracture line be seen in the bone?", "Does this region have a nodule?"),
            ),
        ),
    ),
)
