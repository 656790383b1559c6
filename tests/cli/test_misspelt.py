"""Whatever is misspelt, at whichever command, the name that was meant is suggested before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

#: Arguments -> what is suggested. `DIR` is a folder that holds `results` (a run), `card.json`, `mine.jsonl` and `bundle.zip`.
CASES = {
    "reprot DIR/results": "report",
    "data fecth slake": "fetch",
    "journal lsit": "list",
    "report DIR/results --leyer 3": "--layer",
    "run --model huatuo --taks vqa_demo": "--tasks",
    "run --model huatuo_vgrefin --tasks vqa_demo": "huatuo_vgrefine",
    "run --model huatuo_plain --tasks vqa_dmeo": "vqa_demo",
    "run --model huatuo_vgrefine --model_args pretrained=demo,kk=5 --tasks vqa_demo": "k",
    "run --model huatuo_vgrefine --model_args pretraned=demo --tasks vqa_demo": "pretrained",
    "run --model qwen_vl_plain --model_args max_pixel=9 --tasks vqa_demo": "max_pixels",
    "run --model huatuo --model_args pretrained=dmeo --tasks vqa_demo": "demo",
    "run --model huatuo --model_args pretrained=DIR/reslts --tasks vqa_demo": "results",
    "run --model huatuo_vgrefine --model_args heads=DIR/crad.json --tasks vqa_demo": "card.json",
    "run --model huatuo_vgrefine --model_args heads=huatuo_vison_7b --tasks vqa_demo": "huatuo_vision_7b",
    "run --model huatuo --control blank_imag --tasks vqa_demo": "blank_image",
    "run --model huatuo --model_args control=blank_imag --tasks vqa_demo": "blank_image",
    "run --method_file DIR/mehod.py --model huatuo --tasks vqa_demo": "method.py",
    "run --methods plain,vgrefin --model huatuo --tasks vqa_demo --output_path o": "vgrefine",
    "run --methods plain --model hautuo --tasks vqa_demo --output_path o": "huatuo",
    "run --methods plain,vgrefine --model huatuo --model_args vgrefine.kk=1 --tasks vqa_demo --output_path o": "vgrefine.k",
    "run --methods plain,vgrefine --model huatuo --model_args k=1 --tasks vqa_demo --output_path o": "vgrefine.k",
    "run --data DIR/mein.jsonl --model huatuo": "mine.jsonl",
    "run --data DIR/mine.jsonl --model huatuo_vgrefin": "huatuo_vgrefine",
    "run --data DIR/mine.jsonl --model huatuo_vgrefine --model_args pretrained=demo,kk=5": "k",
    "data check DIR/mein.jsonl": "mine.jsonl",
    "sweep --model huatuo_vgrefin --tasks vqa_demo --grid k=1 --output_path o": "huatuo_vgrefine",
    "sweep --model huatuo_vgrefine --tasks vqa_dmeo --grid k=1 --output_path o": "vqa_demo",
    "sweep --model huatuo_vgrefine --tasks vqa_demo --grid maks=pre --output_path o": "mask",
    "sweep --model huatuo_vgrefine --model_args pretraned=demo --tasks vqa_demo --grid k=1 --output_path o": "pretrained",
    "sweep --model huatuo_vgrefine --tasks vqa_demo --grid k=1 --output_path o --bacth_size 8": "--batch_size",
    "overlay --models huatuo_plian -o o": "huatuo_plain",
    "overlay --task vgmed_dmeo -o o": "vgmed_demo",
    "overlay --model_args pretraned=demo -o o": "pretrained",
    "heads calibrate --model hautuo -o o.json": "huatuo",
    "heads calibrate --model huatuo --model_args pretraned=demo -o o.json": "pretrained",
    "heads calibrate --model huatuo --data cocco -o o.json": "coco",
    "heads calibrate --model huatuo --data DIR/mein.jsonl -o o.json": "mine.jsonl",
    "heads show dmeo": "demo",
    "heads show DIR/crad.json": "card.json",
    "reproduce tabelF4": "tableF4",
    "reproduce tableF4 --bacth_size 8": "--batch_size",
    "report DIR/reslts": "results",
    "compare DIR/results DIR/reslts": "results",
    "compare DIR/results DIR/results --unit imgae": "image",
    "compare DIR/results DIR/results --allow dtpe": "dtype",
    "compare DIR/results --format markdwon": "markdown",
    "methods vgrefin": "vgrefine",
    "look DIR/crad.json Where? --model huatuo": "card.json",
    "look DIR/card.json Where? --model huatuo_vgrefin": "huatuo_vgrefine",
    "look DIR/card.json Where? --model huatuo --methods plain,vgrefin": "vgrefine",
    "look DIR/card.json Where? --model huatuo_vgrefine --model_args kk=5": "k",
    "look DIR/card.json Where? --model huatuo --methods plain,vgrefine --model_args k=5": "vgrefine.k",
    "study run --models huatuo_vgrefin --data demo": "huatuo_vgrefine",
    "study run --models huatuo_plain --data dmeo": "demo",
    "study run --models huatuo_plain --data demo --model_args pretraned=demo": "pretrained",
    "study run --models huatuo_plain,huatuo_vgrefine --data demo --model_args vgrefine.kk=1": "vgrefine.k",
    "models DIR/reslts": "results",
    "models dmeo": "demo",
    "data fetch slaek": "slake",
    "journal import DIR/bundel.zip": "bundle.zip",
    "submit DIR/reslts --card DIR/card.json -o o": "results",
    "submit DIR/results --card DIR/crad.json -o o": "card.json",
    "submit DIR/results --card DIR/card.json --tasks vqa_rda -o o": "vqa_rad",
    "submit DIR/results --card DIR/card.json --protocol vgrefin -o o": "vgrefine",
    "validate DIR/bundel.zip": "bundle.zip",
    "study build DIR/reslts -o o": "results",
    "vgmed build DIR/crad.json -o o": "card.json",
    "export DIR/bundel.zip --to mmmu -o o": "bundle.zip",
    "export DIR/bundle.zip --to model-indx -o o": "model-index",
    "leaderboard build DIR/reslts -o o": "results",
    "leaderboard build DIR/results -o o --withhold slkae": "slake",
}

HEAVY = ("torch", "transformers", "lmms_eval", "datasets", "scipy", "huggingface_hub")

SCRIPT = """
import contextlib, io, json, os, sys
from lmms_vg.cli.main import main
results = {}
for case in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(case.split())
        except SystemExit as end:
            status = end.code
    results[case] = [status, err.getvalue()]
    os.environ.pop('LMMS_VG_OWN', None)  # which a command leaves to those that it starts
print(json.dumps([results, sorted(set(sys.argv[2:]) & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def outcome(programs: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """Case -> status and stderr, of all cases in one interpreter, and the heavy modules it has imported."""
    folder: Path = tmp_path_factory.mktemp("here")
    (folder / "results").mkdir()
    for name in ("card.json", "mine.jsonl", "bundle.zip", "method.py"):
        (folder / name).touch()
    cases = {case: case.replace("DIR", str(folder)) for case in CASES}
    command = [sys.executable, "-c", SCRIPT, json.dumps(list(cases.values())), *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    results, heavy = json.loads(done.stdout)
    return {case: results[written] for case, written in cases.items()}, heavy


@pytest.mark.parametrize("case", CASES)
def test_the_name_is_suggested(case: str, outcome: tuple[dict[str, Any], list[str]]) -> None:
    status, message = outcome[0][case]
    assert f"did you mean {CASES[case]}? " in message
    assert status == 2


def test_nothing_heavy_is_imported(outcome: tuple[dict[str, Any], list[str]]) -> None:
    assert outcome[1] == []
