"""Lay a figure out once, whatever it is saved as."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

_MARGIN = 0.06  # inches


def laid_out(figure: Figure, dpi: int) -> Bbox:
    """Lay a figure out for good; return what it covers, in inches, with a margin.

    `savefig` would draw it once more for that, for every format: as much work as the drawing itself.

    Args:
        figure: the figure, with all that it shows.
        dpi: dots per inch, by which text is measured.
    """
    FigureCanvasAgg(figure)
    figure.dpi = dpi
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine("none")
    return figure.get_tightbbox().padded(_MARGIN)
