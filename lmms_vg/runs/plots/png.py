"""Figures as PNG files, the same bytes for the same figure."""

from __future__ import annotations

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG at 130 dots an inch, cut to what is drawn."""
    FigureCanvasAgg(figure)
    data = BytesIO()
    figure.savefig(data, dpi=130, bbox_inches="tight", pad_inches=0.06, metadata={"Software": None})
    return data.getvalue()
