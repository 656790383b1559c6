"""Type the commands of docs/walks.md, and write into the page what they print and how long each walk takes.

    python -m examples.walks --data ../shared/data

`--data` is a folder that holds `sam_med2d_demo` (the folder `data_demo` of github.com/OpenGVLab/SAM-Med2D) and `vqa_rad`
(its published files). A page has a section per walk. In it, the commands of every `sh` block are typed in one new folder, and
the `text` block behind it holds what they print. Times and dates differ from run to run and are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "walks.md"

_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^```sh\n((?:(?!```)[^\n]*\n)*)```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_METHOD_FILE = re.compile(r"^```python\n# (sharpen\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: What differs between two runs of the same command, and what the page has in its place.
_UNSTEADY = {r"^time \d.*": "time ...", r"\d{8}_\d{6}(?=_)": "DATE_TIME", r"[ \t]+$": ""}


class Step(NamedTuple):
    """Commands of a walk, one per line, and what the page says that they print."""

    commands: str
    printed: str


def walks(page: str) -> dict[str, list[Step]]:
    """Heading -> steps, of every section that has any."""
    sections = {section[1]: section[2] for section in _SECTION.finditer(page)}
    steps = {heading: [Step(*step.groups()) for step in _STEP.finditer(text)] for heading, text in sections.items()}
    return {heading: found for heading, found in steps.items() if found}


def prepare(folder: Path, data: Path | None) -> None:
    """Put into a folder what the walks begin with; without real data, only what needs none."""
    shutil.copytree(ROOT / "lmms_vg" / "demo" / "weights", folder / "my_llava")
    card = (ROOT / "examples" / "card.json").read_text(encoding="utf-8")
    (folder / "card.json").write_text(card, encoding="utf-8")
    seen = card.replace("Embedded LLaVA", "Embedded LLaVA, where it looks")
    (folder / "seen.json").write_text(seen, encoding="utf-8")
    found = _METHOD_FILE.search((ROOT / "docs" / "add_a_method.md").read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit("docs/add_a_method.md has no sharpen.py")
    (folder / found[1]).write_text(found[2], encoding="utf-8")
    if data is not None:
        shutil.copytree(data / "sam_med2d_demo" / "images", folder / "slices")
        lines = map(json.dumps, questions(data / "sam_med2d_demo"))
        (folder / "mine.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def questions(source: Path) -> Iterator[dict[str, object]]:
    """Ask where the object of every mask is; its box is the tight box of the mask."""
    for path in sorted((source / "images").glob("*.png")):
        for mask in sorted((source / "masks").glob(f"{path.stem}_*.png")):
            label = mask.stem.removeprefix(f"{path.stem}_").rsplit("_", 1)[0].replace("_", " ")
            with Image.open(mask) as picture:
                box = picture.convert("L").getbbox()
            yield {"image": f"slices/{path.name}", "question": f"Where is the {label}?", "bbox": box}


def steady(printed: str) -> str:
    """What is printed, without what differs from run to run."""
    for pattern, instead in _UNSTEADY.items():
        printed = re.sub(pattern, instead, printed, flags=re.MULTILINE)
    return printed.strip("\n") + "\n"


def type_in(folder: Path, data: Path, programs: Path = Path(sys.executable).parent) -> Callable[[str], str]:
    """Return a function that types commands into a shell in this folder, and returns what they print.

    `programs` is the folder where `lmms-vg` lies.

    It ends the program where a command fails.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LMMS_VG_")}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    own = {"LMMS_VG_HOME": str(folder / "home"), "LMMS_VG_DATA": str(data), "PATH": path}

    def run(commands: str) -> str:
        shell = ["bash", "-euc", commands]
        done = subprocess.run(shell, cwd=folder, env=kept | own, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{commands}\n{done.stdout}{done.stderr}")
        return steady(done.stdout.replace(str(folder), "."))

    return run


def rewritten(page: str, heading: str, printed: list[str], seconds: float) -> str:
    """The page with what the steps of a walk print now, and the processor time they took in its row of the table.

    Processor time, since a machine that does other things as well stretches the time on a clock.
    """
    for step, text in zip(walks(page)[heading], printed, strict=True):
        before = f"```sh\n{step.commands}```\n\n```text\n"
        page = page.replace(before + step.printed, before + text)
    return re.sub(rf"^(\| \[{re.escape(heading)}\].*\| )[^|]*\|$", rf"\g<1>{seconds:.0f} s |", page, flags=re.MULTILINE)


def _spent() -> float:
    """Seconds of processor time of all programs that were started and have ended."""
    return os.times().children_user + os.times().children_system


def main() -> None:
    """Walk all walks and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, data)
        for heading in walks(PAGE.read_text(encoding="utf-8")):
            print(heading, flush=True)
            run, start = type_in(folder, data), _spent()
            printed = [run(step.commands) for step in walks(PAGE.read_text(encoding="utf-8"))[heading]]
            page = rewritten(PAGE.read_text(encoding="utf-8"), heading, printed, _spent() - start)
            PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
