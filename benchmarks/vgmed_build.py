"""Time of `lmms-vg vgmed build`'s parts: masks to boxes, and a large volume. `python benchmarks/vgmed_build.py masks`."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.vgmed import rle
from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.components import mask_boxes
from lmms_vg.vgmed.manifest import Filters

FIELDS = {"name": "made", "modality": "CT", "body_part": "Abdomen", "licence": "none"}


def memory(who: int = resource.RUSAGE_SELF) -> float:
    """Largest memory of a process so far, in MB."""
    return resource.getrusage(who).ru_maxrss / 1024


def cpu() -> float:
    """Seconds of a core that this process and those that it has ended took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def built(what: str, manifest: Path, processes: int | None) -> None:
    """Build a data set, and print what it took."""
    began, before = time.perf_counter(), cpu()
    card, _ = build([manifest], manifest.parent / "out", name="made", seed=0, most=None, processes=processes)
    peaks = f"{memory():.0f} MB in this process, {memory(resource.RUSAGE_CHILDREN):.0f} MB in the largest other"
    print(
        f"{what}: {card.counts['items']} items on {card.counts['images']} images, {time.perf_counter() - began:.1f} s, "
        f"{cpu() - before:.1f} s of a core; at the peak {peaks}",
        flush=True,
    )


def slice_of_ct(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Noise in a body on a black ground, which PNG packs about as a real slice."""
    rows, columns = np.ogrid[:size, :size]
    body = ((rows - size / 2) / (size * 0.35)) ** 2 + ((columns - size / 2) / (size * 0.45)) ** 2 < 1
    return np.where(body, rng.normal(120, 8, (size, size)), 0).astype(np.uint8)


def blob(rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
    """An ellipse somewhere in a square, with a hole."""
    rows, columns = np.ogrid[:size, :size]
    y, x = rng.integers(size // 4, 3 * size // 4, 2)
    height, width = rng.integers(size // 40, size // 5, 2)
    distance = ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2
    inside: NDArray[np.bool_] = (distance < 1) & (distance > 0.05)
    return inside


def masks(n: int, size: int) -> None:
    """Boxes and run lengths of n masks, of 200 different ones."""
    rng = np.random.default_rng(0)
    drawn = [blob(rng, size) for _ in range(200)]
    for _ in range(2):
        began, cpu, before = time.perf_counter(), time.process_time(), memory()
        for number in range(n):
            rle.encode(mask_boxes([drawn[number % 200]], Filters()).mask)
        print(
            f"{n} masks of {size} x {size}: {time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} s of one "
            f"core, {memory() - before:.1f} MB more at the peak"
        )


def files(n: int, size: int, processes: int | None) -> None:
    """A whole build of n masks in n PNG files, ten for each image."""
    rng = np.random.default_rng(0)
    drawn = [Image.fromarray(blob(rng, size)).convert("L") for _ in range(200)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("images", "masks"):
            (folder / part).mkdir()
        for image in range(n // 10):
            Image.fromarray(slice_of_ct(rng, size)).save(folder / "images" / f"i{image}.png", compress_level=1)
            for label in range(10):
                path = folder / "masks" / f"i{image}_organ{label}_0.png"
                drawn[(image * 7 + label) % 200].save(path, compress_level=1)
        fields = FIELDS | {"images": "images/{image}.png", "masks": "masks/{image}_{label}_{number}.png"}
        (folder / "m.yaml").write_text(yaml.safe_dump(fields))
        built(f"{n} files of masks on {n // 10} images", folder / "m.yaml", processes)


def volume(shape: tuple[int, int, int], labels: int) -> None:
    """A CT volume with a label map, to items on axial slices."""
    import nibabel

    rng = np.random.default_rng(0)
    values = np.zeros(shape, np.int16)
    marks = np.zeros(shape, np.uint8)
    for label in range(1, labels + 1):
        x, y, z = (int(rng.integers(0, length - length // 8)) for length in shape)
        box = tuple(slice(start, start + length // 8) for start, length in zip((x, y, z), shape, strict=True))
        marks[box] = label
        values[box] = label
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        affine = np.diag([-0.8, -0.8, 1.5, 1])
        nibabel.save(nibabel.Nifti1Image(values, affine), folder / "a_ct.nii.gz")
        nibabel.save(nibabel.Nifti1Image(marks, affine), folder / "a_seg.nii.gz")
        labelled = {label: f"organ {label}" for label in range(1, labels + 1)}
        fields = FIELDS | {"images": "{image}_ct.nii.gz", "masks": "{image}_seg.nii.gz", "labels": labelled}
        (folder / "m.yaml").write_text(yaml.safe_dump(fields))
        built(f"volume {shape}, {labels} labels", folder / "m.yaml", None)


def main() -> int:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("masks", "files", "volume"))
    parser.add_argument("-n", type=int, default=100_000)
    parser.add_argument("--processes", type=int)
    args = parser.parse_args()
    if args.what == "masks":
        masks(args.n, 512)
    elif args.what == "files":
        files(args.n, 512, args.processes)
    else:
        volume((512, 512, 300), 100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
