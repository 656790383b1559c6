"""Head lists: which heads of a model ground best."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.plugin import FAMILIES


def add(commands: Any) -> None:
    """Add `heads`."""
    heads = commands.add_parser("heads", help="head lists of VGRefine").add_subparsers(required=True, metavar="ACTION")
    calibrate = heads.add_parser("calibrate", help="rank all heads of a model by mean KL and write a head list")
    calibrate.add_argument("--family", default="llava", choices=FAMILIES)
    calibrate.add_argument("--pretrained", required=True, help="checkpoint folder, hub id, or demo")
    calibrate.add_argument(
        "--data",
        default="vgmed_coco_localization",
        help="measurement task whose questions rank the heads; not the one you will report (default: %(default)s; "
        "demo_calibration for the demo)",
    )
    calibrate.add_argument("-n", type=int, default=500, help="questions sampled (default: %(default)s)")
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--keep", type=int, default=20, help="heads kept, best first (default: %(default)s)")
    calibrate.add_argument("-o", "--out", type=Path, required=True, help="the .json file to write")
    calibrate.set_defaults(command=_calibrate)


def _calibrate(args: argparse.Namespace) -> int:
    from lmms_vg.calibration import calibrate
    from lmms_vg.measurement import questions

    if args.out.is_dir():
        raise ValueError(f"--out {args.out}: is a folder; name the .json file to write")
    if args.n < 1 or args.keep < 1:
        raise ValueError(f"-n {args.n}, --keep {args.keep}: allowed are positive integers")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    asked = questions(args.data, args.n, args.seed)
    made = calibrate(args.family, args.pretrained, args.data, asked, args.seed, args.keep)
    args.out.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
    best = ", ".join(f"{layer}-{head}" for layer, head in made.heads[:5])
    print(
        f"{args.out}: {len(made.heads)} heads of n={made.provenance['n']} questions, best {best}; layer {made.layers[0]}"
    )
    return 0
