"""An exported folder is read as the run that the bundle was made from, by our readers and by lmms-eval's."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import hosting
import pytest
import runs
from commands import FEW
from lmms_eval.api.metrics import clustered_stderr, mean_stderr
from lmms_eval.baselines.loader import load_baseline
from lmms_eval.utils import make_table, simple_parse_args_string
from saved_run import spec, tables

from lmms_vg.cli.main import main
from lmms_vg.extensions.registered import methods
from lmms_vg.inference.build import resolve
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.submission.export import lmms_eval
from lmms_vg.submission.export.arguments import model_args, model_of
from lmms_vg.submission.export.stderr import standard_errors
from lmms_vg.submission.schema import Provenance
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check

HARD, STANDARD, LOOKED, OPENED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo", "vqa_demo_open"
REFINED = spec("vgrefine", heads=[[1, 1], [1, 0]], layers=[1], k=2, p=50.0, mask="pre")
SPECS = {"plain": spec("plain"), "vgrefine": REFINED}

pytestmark = pytest.mark.usefixtures("few_phantoms")


def export(run: Path, out: Path) -> Path:
    """Pack a run into a bundle and export it again."""
    bundle = out.with_suffix(".zip")
    submit([run], runs.CARD, bundle)
    assert main(["export", str(bundle), "--to", "lmms-eval", "-o", str(out)]) == 0
    return out


def results_of(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("*_results.json")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


# --- our own readers --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Method -> a run and its export."""
    folder = tmp_path_factory.mktemp("export")
    made = {}
    for number, (name, method) in enumerate(SPECS.items()):
        tasks = (HARD, STANDARD, LOOKED, OPENED)
        identity = {"method": method, "shared": ["plain", "vgrefine"], "leaks": ["vqa_rad"]}
        means = {OPENED: {"bertscore": 0.6125}}
        run = runs.save_run(
            folder / f"run{number}", *tasks, say=runs.mostly_right(number), identity=identity, means=means, seconds=0.25
        )
        made[name] = run, export(run, folder / f"out{number}")
    return made


@pytest.mark.parametrize("method", SPECS)
def test_the_folder_reads_as_the_run(pairs: dict[str, tuple[Path, Path]], method: str) -> None:
    run, out = map(read_run, pairs[method])
    assert out.tasks == run.tasks, "scores, images, categories, rules, prompts, references, times"
    assert {name: len(task.scores) for name, task in out.tasks.items()} == {HARD: FEW, STANDARD: FEW, OPENED: FEW}
    assert set(out.tasks[HARD].seconds.values()) == {0.25}
    assert out.provenance == run.provenance
    assert (out.groups, out.measured, out.left_out, out.restricted) == (run.groups, [LOOKED], [], "")
    for name, means in run.means.items():
        assert {metric: out.means[name][metric] for metric in means} == means
    assert (out.label, out.leak, out.is_plain) == (run.label, run.leak, method == "plain")


@pytest.mark.parametrize("method", SPECS)
def test_it_can_be_submitted_again(pairs: dict[str, tuple[Path, Path]], method: str, tmp_path: Path) -> None:
    run, out = pairs[method]
    submit([run], runs.CARD, tmp_path / "1.zip")
    submit([out], runs.CARD, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_report_and_compare_say_the_same(
    pairs: dict[str, tuple[Path, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for which in (0, 1):
        folders = [str(both[which]) for both in pairs.values()]
        for command in (["report", folders[0]], ["report", folders[1]], ["compare", *folders]):
            assert main(command) == 0
            shown.append(tables(capsys.readouterr().out))
    assert shown[:3] == shown[3:]
    assert [len(one) for one in shown[:3]] == [5, 5, 3]


def test_a_folder_that_was_not_finished_is_no_run(
    pairs: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no space left on device")

    bundle = pairs["plain"][1].with_suffix(".zip")
    entry = check(bundle).entry
    assert entry is not None
    monkeypatch.setattr(lmms_eval, "_table", fails)
    with pytest.raises(OSError, match="no space"):
        lmms_eval.write(bundle, entry, tmp_path / "half")
    assert list((tmp_path / "half").glob("*_samples_*"))
    with pytest.raises(ValueError, match=r"no \*_results\.json under it"):
        read_run(tmp_path / "half")


# --- lmms-eval --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(few_phantoms: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run by lmms-eval itself, and its export."""
    folder = tmp_path_factory.mktemp("real")
    asked = ["run", "--model", "huatuo_vgrefine", "--model_args", "pretrained=demo,k=5", "--batch_size", "8"]
    asked += ["--tasks", f"vqa_demo,{LOOKED},{OPENED}", "--output_path", str(folder / "run"), "--log_samples"]
    with pytest.MonkeyPatch.context() as patch:
        hosting.light(patch, folder)
        patch.setenv("LMMS_VG_HOME", str(folder / "home"))
        patch.delenv("LMMS_VG_PARTIAL_DATA", raising=False)
        assert hosting.ended(lambda: main(asked)) == 0
    return folder / "run", export(folder / "run", folder / "out")


def test_every_value_is_the_one_that_lmms_eval_wrote(real: tuple[Path, Path]) -> None:
    run, out = map(results_of, real)
    assert list(out["results"]) == list(run["results"])
    for name, row in run["results"].items():
        assert out["results"][name].keys() == row.keys()
        for key, value in row.items():
            made = out["results"][name][key]
            is_clustered = key.endswith("_stderr_clustered,none") and value != "N/A"
            assert made == (pytest.approx(value, rel=1e-9) if is_clustered else value), f"{name} {key}"
            assert type(made) is type(value)
    same = ("groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples")
    assert {key: out[key] for key in same} == {key: run[key] for key in same}
    assert out["results"]["vqa_demo"]["acc,none"] > 0.5
    assert isinstance(out["results"][LOOKED]["best_layer,none"], int)


def test_lmms_eval_prints_the_same_tables(real: tuple[Path, Path]) -> None:
    run, out = map(results_of, real)
    for which in ("results", "groups"):
        assert make_table(copy.deepcopy(out), which) == make_table(copy.deepcopy(run), which)


def test_what_it_was_started_with(real: tuple[Path, Path]) -> None:
    run, out = map(results_of, real)
    seeds = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
    for name in ("model", "batch_size", "limit", "offset", "gen_kwargs", "use_cache", "device", *seeds):
        assert out["config"][name] == run["config"][name], name
    assert out["model_source"] == run["model_source"]
    for task, config in out["configs"].items():
        for name, value in config.items():
            if name != "metric_list":
                assert value == run["configs"][task][name], f"{task} {name}"
        names = [(one["metric"], one["higher_is_better"]) for one in run["configs"][task]["metric_list"]]
        assert [(one["metric"], one["higher_is_better"]) for one in config["metric_list"]] == names
    assert out["configs"].keys() == run["configs"].keys()


def test_its_samples_are_those_of_the_run(real: tuple[Path, Path]) -> None:
    """But for where the time of the run's process went, which bundles leave out."""
    run, out = real
    for path in run.rglob("*_samples_*.jsonl"):
        (other,) = out.glob(f"*_samples_{path.name.partition('_samples_')[2]}")
        for first, second in zip(path.open(encoding="utf-8"), other.open(encoding="utf-8"), strict=True):
            line = {key: value for key, value in json.loads(first).items() if key not in ("token_counts", "doc_hash")}
            line["n"].pop("spent", None)
            assert json.loads(second) == line


def test_it_can_be_the_baseline_of_a_run(real: tuple[Path, Path]) -> None:
    (samples,) = real[1].glob(f"*_samples_{STANDARD}.jsonl")
    scores, aggregated = load_baseline(str(samples), STANDARD)
    assert sorted(scores) == list(range(FEW))
    assert aggregated == results_of(real[1])


# --- its parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", methods())
def test_the_arguments_give_the_method_again(method: str) -> None:
    needed = {"vaf": {"start": 1, "end": 3}, "pai": {"cfg": True}}  # PAI refuses its gamma where there is no guidance
    made = resolve("huatuo", method, {"pretrained": "demo"} | needed.get(method, {}))
    run = Provenance(**(runs.PLAIN | {"method": made.spec(), "settings": {"pretrained": "demo", "revision": None}}))
    assert model_of(run) == f"huatuo_{method}"
    assert resolve("huatuo", method, simple_parse_args_string(model_args(run))) == made


@pytest.mark.parametrize("clusters", [1, 7, 200])
def test_standard_errors_are_lmms_evals(clusters: int) -> None:
    rng = random.Random(clusters)
    items = [{"score": rng.random(), "image": str(rng.randrange(clusters))} for _ in range(200)]
    scores, names = [one["score"] for one in items], [one["image"] for one in items]
    independent, clustered = standard_errors([*items, {"error": "too large"}], "image")
    assert independent == pytest.approx(mean_stderr(scores))
    assert clustered == ("N/A" if clusters == 1 else pytest.approx(clustered_stderr(scores, names)))
    assert standard_errors([1, 0, 1], "image") == (pytest.approx(mean_stderr([1, 0, 1])), "N/A")
    assert standard_errors(items[:1], "image") == standard_errors([{"kl": [1.0]}] * 3, None) == ("N/A", "N/A")
