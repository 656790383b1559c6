"""Save figures as PNG; the same figure gives the same bytes."""

from __future__ import annotations

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG at 130 dots per inch, cropped to its content."""
    FigureCanvasAgg(figure)
    data = BytesIO()
    figure.savefig(data, dpi=130, bbox_inches="tight", pad_inches=0.06, metadata={"Software": None})
    return data.getvalue()
