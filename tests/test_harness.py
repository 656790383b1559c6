"""Whole runs of the real commands, with a tiny random checkpoint and small data in the raw layouts.

Every start takes about ten seconds, so each run serves several tests, and two runs go on at a time.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from loguru import logger

from lmms_vg.inference.build import build
from lmms_vg.inference.question import Question
from lmms_vg.journal.decoding import Decoding
from lmms_vg.metrics.alignment import VERSION

BIN = Path(sys.executable).parent
SPLITS = ("train", "validation", "test")
KINDS = ("localization", "attribute")
IMAGES = ("a.png", "b.png", "c.png")
#: Asked about every image: in words of the tiny tokenizer, and all different.
TEXTS = {
    "localization": ("Where is the nodule?", "Which side is the small cyst on?"),
    "attribute": ("Is the stent bright?", "Does it look dark, compared with the tissue around?"),
}
ASKED = len(IMAGES) * 4 + 2 + 2 * len(SPLITS)
FAILED = 2
NO_NUMBERS = ("ci95", "bertscore", "average")  # an interval, and what needs the weights of another model
METRICS = {
    "vgmed_localization": {"ar", "kl", "js", "best_layer", "answered", "n"},
    "vgmed_attribute": {"ar", "kl", "js", "best_layer", "answered", "n"},
    "slake_closed": {
        "acc",
        "unparseable",
        "macro_modality",
        "macro_organ",
        "macro_content_type",
        "llava_med",
        "answered",
        "n",
    },
    "slake_open": {"bleu1", "open_recall", "llava_med_recall", "token_f1", "exact_match", "answered", "n"},
}


def write_data(folder: Path) -> Path:
    """Images alternate from row to row; one row of `localization` has an inverted box, another has no image."""
    for name in ("vgmed", "slake"):
        (folder / name).mkdir(parents=True)
    for seed, image in enumerate(IMAGES):
        tiny.picture(seed, 50 + 8 * seed, 44).save(folder / "vgmed" / image)
    for kind in KINDS:
        rows = [
            {"image": image, "question": text, "bbox": [[5, 5, 30, 30]]} for text in TEXTS[kind] for image in IMAGES
        ]
        if kind == "localization":
            rows += [{"image": "a.png", "question": "Inverted?", "bbox": [[9, 9, 3, 3]]}]
            rows += [{"image": "gone.png", "question": "No image?", "bbox": [[5, 5, 30, 30]]}]
        (folder / "vgmed" / f"VGMED_{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with zipfile.ZipFile(folder / "slake" / "imgs.zip", "w") as archive:
        archive.write(folder / "vgmed" / "a.png", "imgs/x1/source.jpg")
    for qid, split in enumerate(SPLITS):
        row = {"img_name": "x1/source.jpg", "q_lang": "en", "modality": "CT", "qid": qid}
        closed = row | {"question": f"Is it bright{'?' * qid}", "answer": "No", "answer_type": "CLOSED"}
        opened = row | {"question": f"Which organ{'?' * qid}", "answer": "Liver", "answer_type": "OPEN", "qid": qid + 9}
        chinese = closed | {"q_lang": "zh", "qid": qid + 99}
        (folder / "slake" / f"{split}.json").write_text(json.dumps([closed, opened, chinese]))
    return folder


@dataclass(frozen=True)
class Run:
    """The results of a finished command."""

    status: int
    output: str
    folder: Path

    @property
    def table(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("|")]

    @property
    def values(self) -> dict[str, dict[str, float]]:
        """Return task to metric to value, from the printed table."""
        found: dict[str, dict[str, float]] = {}
        for line in self.table:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0].startswith("- ") and cells[1] == "none" and cells[3] not in NO_NUMBERS:
                found.setdefault(cells[0][2:], {})[cells[3]] = float(cells[5])
        return found

    @property
    def summary(self) -> list[int]:
        """Return the counts: asked, from journal, answered now, failed."""
        (line,) = [line for line in self.output.splitlines() if "lmms_vg summary" in line and " asked" in line]
        return [int(number) for number in re.findall(r"(\d+) (?:asked|from|answered|failed)", line)]

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Return all lines of all ranks."""
        return journal_lines(self.folder)

    def samples(self, task: str) -> list[dict[str, Any]]:
        (path,) = self.folder.rglob(f"*_samples_{task}.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()]


def journal_lines(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("home/journal/*/rank*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def environment(folder: Path, data: Path) -> dict[str, str]:
    """A separate process, without state of the user, of other runs or of a launcher."""
    outer = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LMMS_VG_KEEP_BUILTIN", "LMMS_EVAL_PLUGINS")
    kept = {name: value for name, value in os.environ.items() if name not in outer}
    return kept | {
        "LMMS_VG_DATA": str(data),
        "LMMS_VG_HOME": str(folder / "home"),
        "LMMS_VG_PARTIAL_DATA": "1",
        "LMMS_EVAL_DATASETS_CACHE": str(folder / "datasets"),
        "HF_HOME": str(folder / "hf"),
    }


def start(folder: Path, data: Path, *command: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(folder, data),
        cwd=folder,
        start_new_session=True,
    )


def finish(folder: Path, data: Path, *command: str) -> Run:
    process = start(folder, data, *command)
    output, _ = process.communicate()
    return Run(process.returncode, re.sub(r"\x1b\[[0-9;]*m", "", output), folder)


@dataclass(frozen=True)
class Interrupted:
    """A run that was killed half way, the lines it left, and the run that resumed it."""

    lines: list[dict[str, Any]]
    resumed: Run


def interrupt(folder: Path, data: Path, *command: str) -> Interrupted:
    process = start(folder, data, *command)
    journals = folder / "home" / "journal"
    while process.poll() is None:
        text = b"".join(path.read_bytes() for path in journals.glob("*/rank0.jsonl"))
        if text.count(b"\n") > 4:  # a line on the run, four answers
            os.killpg(process.pid, signal.SIGKILL)
        else:
            time.sleep(0.002)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (path,) = journals.glob("*/rank0.jsonl")
    left = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    with path.open("ab") as file:
        file.write(b'{"key": "torn')
    return Interrupted(left, finish(folder, data, *command))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def runs(
    programs: None, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Any]]]:
    """All runs by name; two go on at a time."""
    root = tmp_path_factory.mktemp("runs")
    data, bare = write_data(root / "data"), write_data(root / "bare")
    for image in IMAGES:
        (bare / "vgmed" / image).unlink()
    arguments = f"pretrained={checkpoint},heads=1-0+2-1,layers=3"
    ask = ("--tasks", "vgmed,slake", "--model", "huatuo_vgrefine", "--model_args", arguments)
    commands: dict[str, tuple[Callable[..., Any], Path, tuple[str, ...]]] = {
        "whole": (finish, data, ("lmms-eval", *ask, "--output_path", "out", "--log_samples")),
        "killed": (interrupt, data, ("lmms-vg", "run", *ask)),
        "ranks": (
            finish,
            data,
            ("torchrun", "--standalone", "--nproc_per_node", "2", "-m", "lmms_vg", "run", *ask),
        ),
        "all failed": (finish, bare, ("lmms-eval", "--tasks", "vgmed", *ask[2:])),
        "no data": (finish, root / "nothing", ("lmms-eval", "--tasks", "vgmed", *ask[2:])),
        "unknown task": (finish, data, ("lmms-vg", "run", "--tasks", "vgmedd", *ask[2:])),
        "bad argument": (finish, data, ("lmms-vg", "run", *ask[:-1], f"{arguments},k=99")),
    }
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(do, root / name, where, *what) for name, (do, where, what) in commands.items()}
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def whole(runs: dict[str, Future[Any]]) -> Run:
    return runs["whole"].result()


# --- the command of the README ----------------------------------------------------------------------------------------


def test_the_table_has_every_metric(whole: Run) -> None:
    assert whole.status == 0, whole.output
    assert {task: set(metrics) for task, metrics in whole.values.items()} == METRICS
    assert whole.summary == [ASKED, 0, ASKED - FAILED, FAILED]


def test_failures_are_counted_not_scored(whole: Run) -> None:
    values = whole.values
    assert (values["vgmed_localization"]["n"], values["vgmed_localization"]["answered"]) == (6, 0.75)
    assert (values["vgmed_attribute"]["n"], values["vgmed_attribute"]["answered"]) == (6, 1)
    assert (values["slake_closed"]["n"], values["slake_open"]["n"]) == (3, 3)
    errors = {line["uid"]: line["error"] for line in whole.journal if line.get("error")}
    assert set(errors) == {"vgmed/localization/7", "vgmed/localization/8"}
    assert "inverted" in errors["vgmed/localization/7"]
    assert "gone.png" in errors["vgmed/localization/8"]
    assert all(error in whole.output for error in errors.values())


def test_the_journal_has_one_line_an_answer(whole: Run) -> None:
    header, *lines = whole.journal
    assert header["run"]["family"] == "huatuo"
    assert header["run"]["settings"]["pretrained"].endswith("tiny")
    assert header["run"]["method"]["hyper_parameters"]["k"] == 2
    assert len({line["uid"] for line in lines}) == len({line["key"] for line in lines}) == len(lines) == ASKED
    assert all(line["alignment"] and line["extras"] for line in lines if line["task"] == "vgmed_attribute")
    assert all(line["alignment"] is None for line in lines if line["task"].startswith("slake"))


def test_samples_have_lists_of_layers(whole: Run) -> None:
    lines = {(line["task"], line["uid"]): line for line in whole.journal[1:]}
    for kind in KINDS:
        samples = whole.samples(f"vgmed_{kind}")
        assert [sample["doc_id"] for sample in samples] == list(range(len(samples)))
        for number, sample in enumerate(samples, start=1):
            line = lines[f"vgmed_{kind}", f"vgmed/{kind}/{number}"]
            if line["error"]:
                assert [sample["ar"][name] == line[name] for name in ("error", "error_code")] == [True, True]
                continue
            for metric in ("ar", "kl", "js"):
                assert sample[metric][metric] == line["alignment"][metric]
                assert len(sample[metric][metric]) == tiny.LAYERS
            assert sample["ar"]["version"] == line["alignment"]["version"] == VERSION


def test_answers_come_back_to_their_questions(whole: Run) -> None:
    """Questions are asked image by image, although the rows of the file alternate."""
    texts = {(line["task"], line["uid"]): line["text"] for line in whole.journal[1:]}
    samples = whole.samples("vgmed_attribute")
    given = [sample["filtered_resps"] for sample in samples]
    assert given == [texts["vgmed_attribute", f"vgmed/attribute/{i + 1}"] for i in range(len(samples))]
    assert len(set(given)) > 2
    order = [line["image"] for line in whole.journal[1:] if line["task"].startswith("vgmed") and line["image"]]
    assert sum(a != b for a, b in itertools.pairwise(order)) == len(set(order)) - 1 == len(IMAGES) - 1


def test_the_table_is_the_mean_of_the_samples_at_the_best_layer(whole: Run) -> None:
    for task in ("vgmed_localization", "vgmed_attribute"):
        samples = [sample for sample in whole.samples(task) if "error" not in sample["ar"]]
        kl = torch.tensor([sample["kl"]["kl"] for sample in samples], dtype=torch.float64).mean(0)
        best = int(kl.argmin())
        ar = sum(sample["ar"]["ar"][best] for sample in samples) / len(samples)
        shown = whole.values[task]
        assert (shown["best_layer"], shown["kl"], shown["ar"]) == (best, round(float(kl.min()), 4), round(ar, 4))
    assert whole.values["vgmed_localization"]["ar"] != whole.values["vgmed_attribute"]["ar"]


# --- interrupted, distributed -----------------------------------------------------------------------------------------


def test_a_killed_run_goes_on_where_it_was(runs: dict[str, Future[Any]], whole: Run) -> None:
    interrupted: Interrupted = runs["killed"].result()
    answered = sum(line.get("error", "run") is None for line in interrupted.lines)
    resumed = interrupted.resumed
    assert 0 < answered < ASKED - FAILED
    assert resumed.status == 0, resumed.output
    assert resumed.summary == [ASKED, answered, ASKED - FAILED - answered, FAILED]
    assert resumed.table == whole.table
    assert len(resumed.table) > 20
    good = [line["key"] for line in resumed.journal if line.get("error", "run") is None]
    assert len(good) == len(set(good)) == ASKED - FAILED
    assert not any("torn" in line.get("key", "") for line in resumed.journal)


def test_two_ranks_give_the_same_table(runs: dict[str, Future[Any]], whole: Run) -> None:
    ranks: Run = runs["ranks"].result()
    assert ranks.status == 0, ranks.output
    assert ranks.table == whole.table  # and once: the other rank prints none
    assert ranks.summary == [ASKED, 0, ASKED - FAILED, FAILED]
    shares = {path.name: len(path.read_bytes().splitlines()) - 1 for path in ranks.folder.rglob("rank*.jsonl")}
    assert set(shares) == {"rank0.jsonl", "rank1.jsonl"}
    assert sum(shares.values()) == ASKED
    assert min(shares.values()) > ASKED / 3


# --- runs that fail ---------------------------------------------------------------------------------------------------


def test_a_run_without_an_answer_ends_in_an_error(runs: dict[str, Future[Any]]) -> None:
    """lmms-eval itself reports it; its own table would contain zeros."""
    run: Run = runs["all failed"].result()
    assert run.status == 1
    assert run.table == []
    assert "all 14 questions failed" in run.output
    assert "a.png is in no zip" in run.output
    assert str(run.folder / "home" / "journal") in run.output


def test_missing_data_are_named_with_the_command_that_gets_them(runs: dict[str, Future[Any]]) -> None:
    run: Run = runs["no data"].result()
    assert run.status == 1
    assert run.table == []
    for said in ("VGMED_attribute.jsonl", "about 14,000 rows", "hf download guimeng-liu/VGMED", str(run.folder)):
        assert said in run.output


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [("unknown task", 2, "--tasks vgmedd: did you mean vgmed?"), ("bad argument", 1, "k=99: allowed is an integer")],
)
def test_our_command_ends_in_an_error_where_lmms_eval_swallows_one(
    runs: dict[str, Future[Any]], name: str, status: int, said: str
) -> None:
    run: Run = runs[name].result()
    assert run.status == status, run.output
    assert said in run.output
    assert run.table == []


# --- in this process --------------------------------------------------------------------------------------------------


def questions() -> list[Question]:
    """Questions of different lengths, about three images, with and without boxes."""

    def one(image: int, text: str, align: bool) -> Question:
        message = (tiny.picture(image), text)
        uid, boxes = f"{image}/{text}", [[5.0, 5.0, 30.0, 30.0]]
        return Question("t", uid, lambda: message, "Write a general description.", Decoding(), boxes, align)

    texts = (*TEXTS["localization"], *TEXTS["attribute"])
    return [one(image, text, text.startswith("W")) for image in range(3) for text in texts]


@pytest.mark.parametrize("method", ["plain", "vgrefine"])
def test_batches_give_the_answers_of_single_questions(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    found = []
    for batch_size in (1, 4):
        monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / str(batch_size)))
        extra = {"heads": "1-0+2-1", "layers": 3} if method == "vgrefine" else {}
        answerer = build("huatuo", method, pretrained=str(checkpoint), batch_size=batch_size, **extra)
        found.append({question.uid: record for question, record in answerer.answer(questions())})
        answerer.journal.close()
        assert (answerer.counts.answered, answerer.counts.failed) == (12, 0)
    single, batched = found
    assert len({record.text for record in single.values()}) > 4
    for uid, record in single.items():
        assert (batched[uid].text, batched[uid].key, batched[uid].extras) == (record.text, record.key, record.extras)
        assert (record.alignment is None) == (batched[uid].alignment is None)
        for name, values in (record.alignment or {}).items():
            assert batched[uid].alignment[name] == pytest.approx(values, rel=1e-3, abs=1e-5)


def test_heads_true_puts_every_head_into_the_journal(checkpoint: Path) -> None:
    asked = questions()[:2]
    shapes = {}
    for heads in (True, False):
        answerer = build("huatuo", "plain", pretrained=str(checkpoint), heads=heads)
        list(answerer.answer(asked))
        answerer.journal.close()
        (_, line, _) = [json.loads(line) for line in answerer.journal.path.read_bytes().splitlines()]
        shapes[heads] = {
            name: torch.tensor(values).shape for name, values in line["alignment"].get("heads", {}).items()
        }
        assert len(line["alignment"]["kl"]) == tiny.LAYERS
    assert shapes[True] == dict.fromkeys(("ar", "printed_ar", "kl", "js"), (tiny.LAYERS, tiny.HEADS))
    assert shapes[False] == {}


def test_model_args_win_over_what_lmms_eval_always_passes(checkpoint: Path) -> None:
    from lmms_vg.harness import huatuo_plain

    passed = {"batch_size": 1, "max_batch_size": None, "device": "cpu"}
    model = huatuo_plain.create_from_arg_string(f"pretrained={checkpoint},batch_size=3", passed)
    assert (model.batch_size, str(model.device)) == (3, "cpu")
    for ask in (model.loglikelihood, model.generate_until_multi_round):
        with pytest.raises(NotImplementedError, match="generate_until"):
            ask([])
    model.clean()


@pytest.mark.parametrize(("ranked_on", "warned"), [(["demo"], True), (["vgmed", "slake"], False), ([], False)])
def test_heads_ranked_on_the_images_asked_about_are_warned_of(
    ranked_on: list[str], warned: bool, tmp_path: Path
) -> None:
    """The run asks about phantoms of the demo tasks; a list states the data sets whose images ranked it."""
    from lmms_vg.harness import huatuo_vgrefine
    from lmms_vg.inference.run_checks import warn_of_leaks

    listed = {"models": ["demo"], "num_layers": 6, "num_heads": 6, "heads": [[1, 1]], "layers": [1], "source": "s"}
    path = tmp_path / "heads.json"
    path.write_text(json.dumps(listed | {"leaks": ranked_on}))
    model = huatuo_vgrefine.create_from_arg_string(f"pretrained=demo,heads={path}", {})
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING")
    warn_of_leaks(model._answerer, ["demo:standard/100000", "demo:standard/100001"], rank=0)
    warn_of_leaks(model._answerer, ["demo:standard/300000"], rank=0)  # made for calibrating
    logger.remove(sink)
    model.clean()
    assert [("demo" in line and "results may be too good" in line) for line in said] == [True] * warned


def test_methods_that_need_boxes_are_not_asked_where_there_are_none() -> None:
    """Alone, the method fails at once; together with others, only its own run fails."""
    from lmms_vg.harness import huatuo_oracle_mask, huatuo_plain
    from lmms_vg.host.failure import RunFailed
    from lmms_vg.inference.build import together
    from lmms_vg.inference.run_checks import require_boxes

    boxed, bare = (SimpleNamespace(tasks=["t"], boxed=boxed) for boxed in (True, False))
    with together([("oracle_mask", {"pretrained": "demo"})], ["plain", "oracle_mask"]):
        model = huatuo_plain.create_from_arg_string("pretrained=demo", {})
        require_boxes(model._answerer, boxed)  # type: ignore[arg-type]
        assert len(model._answerer.method_runs) == 2
        require_boxes(model._answerer, bare)  # type: ignore[arg-type]
        assert [one.method.name for one in model._answerer.method_runs] == ["plain"]
        model.clean()
    alone = huatuo_oracle_mask.create_from_arg_string("pretrained=demo", {})
    with pytest.raises(
        RunFailed, match="oracle_mask needs annotated boxes, and no question of t has any; leave oracle_mask out"
    ):
        require_boxes(alone._answerer, bare)  # type: ignore[arg-type]
    alone.clean()
