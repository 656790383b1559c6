"""Tables as text, whatever their cells hold: names come from data sets and command lines."""

import csv
import io
from collections.abc import Sequence

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}


def row(*cells: str) -> str:
    """The cells between pipes, which inside a cell become slashes; every kind of line break becomes a space."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """A table whose first ``texts`` columns are text, aligned to the left; the others are numbers."""
    rule = "|---" * texts + "|---:" * (len(head) - texts) + "|"
    return "\n".join([row(*head), rule, *(row(*cells) for cells in rows)])


def latex(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """The same as a ``tabular`` of the package booktabs."""
    first, *others = (" & ".join(map(escape, cells)) + r" \\" for cells in (head, *rows))
    columns = "l" * texts + "r" * (len(head) - texts)
    begin = rf"\begin{{tabular}}{{{columns}}}"
    return "\n".join([begin, r"\toprule", first, r"\midrule", *others, r"\bottomrule", r"\end{tabular}"])


def escape(text: str) -> str:
    """Text that LaTeX prints as it stands, on one line; two hyphens stay two."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split())).replace("--", "-{}-")


def comma_separated(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Values in full precision, as ``csv`` reads them back; None is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()
