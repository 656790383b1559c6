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
from PIL import Image

from lmms_vg.vgmed import rle
from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.components import mask_boxes
from lmms_vg.vgmed.manifest import Filters


def memory() -> float:
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def blob(rng: np.random.Generator, size: int) -> np.ndarray:
    """An ellipse somewhere in a square, with a hole."""
    rows, columns = np.ogrid[:size, :size]
    y, x = rng.integers(size // 4, 3 * size // 4, 2)
    height, width = rng.integers(size // 40, size // 5, 2)
    distance = ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2
    return (distance < 1) & (distance > 0.05)


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


def files(n: int, size: int) -> None:
    """A whole build of n masks in n PNG files, ten for each image."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("images", "masks"):
            (folder / part).mkdir()
        for image in range(n // 10):
            Image.fromarray(rng.integers(0, 255, (size, size), np.uint8)).save(
                folder / "images" / f"i{image}.png", compress_level=1
            )
            for label in range(10):
                Image.fromarray(blob(rng, size)).convert("L").save(
                    folder / "masks" / f"i{image}_organ{label}_0.png", compress_level=1
                )
        manifest = {
            "name": "made",
            "modality": "CT",
            "body_part": "Abdomen",
            "licence": "none",
            "images": "images/{image}.png",
        }
        manifest["masks"] = "masks/{image}_{label}_{number}.png"
        (folder / "m.yaml").write_text(yaml.safe_dump(manifest))
        began, cpu = time.perf_counter(), time.process_time()
        made, _ = build([folder / "m.yaml"], folder / "out", name="made", seed=0, most=None)
        print(
            f"{n} files of masks on {n // 10} images: {len(made.items)} items, {time.perf_counter() - began:.1f} s, "
            f"{time.process_time() - cpu:.1f} s of one core, peak {memory():.0f} MB"
        )


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
        manifest = {
            "name": "made",
            "modality": "CT",
            "body_part": "Abdomen",
            "licence": "none",
            "images": "{image}_ct.nii.gz",
        }
        manifest |= {
            "masks": "{image}_seg.nii.gz",
            "labels": {label: f"organ {label}" for label in range(1, labels + 1)},
        }
        (folder / "m.yaml").write_text(yaml.safe_dump(manifest))
        began, cpu = time.perf_counter(), time.process_time()
        made, _ = build([folder / "m.yaml"], folder / "out", name="made", seed=0, most=None)
        print(
            f"volume {shape}, {labels} labels: {len(made.items)} items on {made.card.counts['images']} slices, "
            f"{time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} s of one core, peak {memory():.0f} MB"
        )


def main() -> int:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("masks", "files", "volume"))
    parser.add_argument("-n", type=int, default=100_000)
    args = parser.parse_args()
    if args.what == "masks":
        masks(args.n, 512)
    elif args.what == "files":
        files(args.n, 512)
    else:
        volume((512, 512, 300), 100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
