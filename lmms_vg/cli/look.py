"""The command that asks one question about one image: the answer, the values and a picture of where the model looked."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_vg._util.suggest import suggest
from lmms_vg.cli import method_files
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing, missing
from lmms_vg.cli.printing import announce
from lmms_vg.cli.unknown_arguments import refuse, require, unknown_argument
from lmms_vg.extensions.registered import families, methods, model_ids

_TURNED = "its EXIF data turn it in viewers; the model sees it as it is stored, and boxes count those pixels"


def add(commands: Any) -> None:
    """Add `look`."""
    look = commands.add_parser(
        "look",
        help="ask one question about one image: the answer, values beside their chance level, and where the model looked",
    )
    look.add_argument("image", type=Path, help="an image file")
    look.add_argument("question", help="the text to ask, exactly as written")
    look.add_argument(
        "--model", required=True, metavar="MODEL", help="model to ask: huatuo_vgrefine, ..., or a family with --methods"
    )
    look.add_argument(
        "--model_args", default="", help="arguments of the model in lmms-eval's syntax, such as pretrained=demo"
    )
    look.add_argument(
        "--methods",
        metavar="NAME,NAME",
        help="compare several methods; write each hyper-parameter with its method: vgrefine.k=10",
    )
    look.add_argument(
        "--box",
        dest="boxes",
        nargs="+",
        action="extend",
        default=[],
        metavar="X1,Y1,X2,Y2",
        help="boxes around the answer, in pixels; required for the values, not for the map",
    )
    look.add_argument(
        "--layer", type=int, metavar="N", help="layer to show, from 0; default: the layer of the head list"
    )
    look.add_argument(
        "--bank",
        nargs="+",
        type=existing,
        default=[],
        metavar="RUN",
        help="runs of the same model and methods; their maps of other images give the chance level on your box",
    )
    add_output(look, "file", metavar="FILE.png", help="picture to write")
    method_files.add(look)
    look.set_defaults(command=_look)


def _look(args: argparse.Namespace) -> int:
    method_files.register(args.method_file)
    family, method = _model(args.model)
    boxes = [_box(text) for text in args.boxes]
    if not args.question.strip():
        raise ValueError("the question has no text; write what to ask, in quotation marks")
    if args.bank and not boxes:
        raise ValueError("--bank: give a --box too, to measure the maps of other images on")
    if args.out is not None and args.out.suffix != ".png":
        raise ValueError(f"-o {args.out}: allowed is a name that ends in .png")
    _check_settings(family, method, args.methods, args.model_args)
    _check_image(args.image, boxes)
    announce(f"loading {args.model}")
    _quieten()

    from lmms_vg._util.atomic_files import replace_file
    from lmms_vg.inference.model import AskError, load

    with load(family, **_arguments(family, method, args.methods, args.model_args)) as model:
        try:
            looks = model.ask(args.image, args.question, boxes)
        except AskError as problem:
            raise ValueError(str(problem)) from problem
    print(looks.table(args.layer, args.bank))
    if args.out is not None:
        replace_file(args.out, looks.draw(args.layer))
        print(args.out)
    return 0


def _check_settings(family: str, method: str, names: str | None, model_args: str) -> None:
    """Refuse a misspelt method or argument before torch is imported."""
    if names is not None:
        require("--methods", names.split(","), methods())
    refuse(unknown_argument(model_args, family, names.split(",") if names else [method], joint=names is not None))


def _check_image(path: Path, boxes: Sequence[Sequence[float]]) -> None:
    """Refuse a file that is no image, and a box that is not on it, before torch is imported."""
    if absent := missing(path):
        raise ValueError(f"image {absent}")
    if not path.is_file():  # opening a pipe would wait for ever
        raise ValueError(f"image {path} is not an ordinary file")
    path.open("rb").close()  # what the system refuses is said in its words
    from lmms_vg.vision.exif import turned
    from lmms_vg.vision.images import open_rgb
    from lmms_vg.vision.patch_grid import check_box

    try:
        width, height = open_rgb(path).size
    except ValueError as unread:
        raise ValueError(f"image {path}: {unread}") from unread
    for box in boxes:
        check_box(box, width, height)
    if turned(path):
        print(f"lmms-vg: {path}: {_TURNED}", file=sys.stderr)


def _model(name: str) -> tuple[str, str]:
    """Family and method of a model id, or of a family alone."""
    known = {**dict.fromkeys(families(), ""), **model_ids()}
    if name not in known:
        raise ValueError(
            f"--model {name!r}: {suggest(name, known)}allowed is FAMILY_METHOD; families: {', '.join(families())}; "
            "methods: lmms-vg methods"
        )
    return model_ids().get(name, (name, "plain"))


def _box(text: str) -> list[float]:
    try:
        box = [float(number) for number in text.split(",")]
    except ValueError:
        box = []
    if len(box) != 4:
        raise ValueError(f"--box {text!r}: allowed is x1,y1,x2,y2 in pixels, such as 20,30,60,70")
    return box


def _arguments(family: str, method: str, methods: str | None, model_args: str) -> dict[str, Any]:
    """Return the arguments of `load`."""
    from lmms_eval.utils import simple_parse_args_string

    from lmms_vg.experiments.method_settings import settings_of

    if methods is None:
        return {"method": method, **simple_parse_args_string(model_args)}
    settings, common = settings_of(family, methods.split(","), model_args)
    own = {setting.method: simple_parse_args_string(setting.hyper_parameters) for setting in settings}
    return {"methods": own, **simple_parse_args_string(common)}


def _quieten() -> None:
    """Leave only warnings of ours: a reader of one answer needs no account of how a model was loaded."""
    from loguru import logger
    from transformers.utils import logging

    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
