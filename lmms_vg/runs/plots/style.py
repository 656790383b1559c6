"""The style that figures for print share: colours that differ in print, in grey and to the colour-blind; and saving them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import matplotlib as mpl
from matplotlib.figure import Figure

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.runs.plots.layout import laid_out
from lmms_vg.runs.tidy_rows import Row, write_csv

#: Okabe and Ito's colours, in the order in which lines take them.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vP*"

_DPI = 200
_LONGEST = 100
_STYLE = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "pdf.fonttype": 42,  # text stays text
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of print."""
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


def save(figure: Figure, folder: Path, name: str, rows: Sequence[Row]) -> list[Path]:
    """Save a figure as PNG and PDF, and its numbers as CSV; the same figure gives the same bytes.

    Args:
        figure: the figure, drawn in `styled`.
        folder: where to.
        name: name of the files without suffix, see `file_name`.
        rows: the numbers that it shows.
    """
    stem = file_name(name)
    covered = laid_out(figure, _DPI)
    paths = []
    metadata: dict[str, dict[str, Any]] = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}
    for kind, without in metadata.items():
        data = BytesIO()
        figure.savefig(data, format=kind, dpi=_DPI, bbox_inches=covered, metadata=without)
        paths.append(folder / f"{stem}.{kind}")
        replace_file(paths[-1], data.getvalue())
    return [*paths, *write_csv(stem, rows, folder)]


def file_name(name: str) -> str:
    """Return a name of at most 100 letters, digits, "-", "." and "_"; one that is cut ends in a checksum of the whole.

    >>> file_name("box_size_huatuo demo_vgrefine (k=10, p=50)")
    'box_size_huatuo_demo_vgrefine_k_10_p_50'
    """
    plain = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("_.")
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 9]}_{crc32(name.encode()):08x}"
