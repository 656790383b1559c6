"""Save figures as PNG; the same figure gives the same bytes."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure

from lmms_vg.runs.plots.layout import laid_out

_DPI = 130


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG at 130 dots per inch, cropped to its content."""
    data = BytesIO()
    figure.savefig(data, dpi=_DPI, bbox_inches=laid_out(figure, _DPI), metadata={"Software": None})
    return data.getvalue()
