"""Looks as HTML, for a notebook: the picture, the answers and the values. All text is escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence

from jinja2 import Environment, StrictUndefined

from lmms_vg.inference.look_table import LookRow, explained, shown

_TEMPLATE = """\
<figure style="margin:0">
<img alt="Where the model looked, asked: {{ question }}" style="max-width:100%" src="data:image/png;base64,{{ picture }}">
<figcaption>
<table>
<tr><th></th>{% for method in answers %}<th>{{ method }}</th>{% endfor %}{% if rows %}<th>blind</th>{% endif %}</tr>
<tr><th style="text-align:left">answer</th>
{% for answer in answers.values() %}<td style="text-align:left">{{ answer }}</td>{% endfor %}</tr>
{% for row in rows %}
<tr><th style="text-align:left">{{ row.name }}</th>
{% for value in row.values %}<td>{{ shown(value) }}</td>{% endfor %}<td>{{ shown(row.blind) }}</td></tr>
{% endfor %}
</table>
{% for note in notes %}<p style="margin:.2em 0"><small>{{ note }}.</small></p>{% endfor %}
</figcaption>
</figure>
"""


def page(
    question: str, answers: Mapping[str, str], rows: Sequence[LookRow], notes: Sequence[str], picture: bytes
) -> str:
    """Return the HTML of looks.

    Args:
        question: the text that was asked.
        answers: method -> answer.
        rows: the values, in the order of `answers`; none without boxes.
        notes: sentences to show below, without their full stops.
        picture: a PNG.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_TEMPLATE).render(
        question=question,
        answers=answers,
        rows=rows,
        notes=[*explained(rows), *notes],
        picture=b64encode(picture).decode(),
        shown=shown,
    )
