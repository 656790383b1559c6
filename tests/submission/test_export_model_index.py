"""A model card's metadata, read back by huggingface_hub, has the same values, each with n, rule and method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs
import yaml
from commands import FEW
from huggingface_hub import EvalResult, ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from mmmu_data import write_split
from saved_run import spec
from tampered import Parts, change

from lmms_vg.metrics.alignment import signature as measured_by
from lmms_vg.submission.export import model_index
from lmms_vg.submission.schema import Manifest
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

HARD, LOOKED, OPENED, PHARMACY = "vqa_demo_hard", "vgmed_demo", "vqa_demo_open", "mmmu_med_pharmacy"
METHOD = spec("vgrefine", heads=[[1, 1], [1, 0]], layers=[1], k=2, p=50.0, mask="pre")

pytestmark = pytest.mark.usefixtures("few_phantoms")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model_index")
    with pytest.MonkeyPatch.context() as patched:
        write_split(folder / "data", "validation", "Pharmacy")
        patched.setenv("LMMS_VG_DATA", str(folder / "data"))
        means = {OPENED: {"bertscore": 0.6125}}
        run = runs.save_run(
            folder / "run",
            HARD,
            LOOKED,
            OPENED,
            PHARMACY,
            identity={"method": METHOD, "geometry": "stretch"},
            means=means,
        )
        submit([run], runs.CARD, folder / "b.zip")
    return folder / "b.zip"


def valid(bundle: Path) -> Entry:
    entry = check(bundle).entry
    assert entry is not None
    return entry


def exported(bundle: Path, out: Path) -> tuple[Manifest, str, dict[tuple[str, str], EvalResult]]:
    """The manifest, and the name and results (by task and metric) of a model card with this front matter."""
    entry = valid(bundle)
    model_index.write(bundle, entry, out)
    text = out.read_text(encoding="utf-8")
    body = "\n# The model\n\n---\n\nWhat it is.\n"
    card = ModelCard(text + body)
    assert card.text == body, "nothing of the metadata shows in the text"
    metadata = yaml.safe_load(text.split("\n---\n")[0])
    assert metadata.keys() == {"model-index"}
    name, results = model_index_to_eval_results(metadata["model-index"])
    assert (card.data.model_name, card.data.eval_results) == (name, results)
    found = {(one.dataset_config, one.metric_args["metric"]): one for one in map(_named, results)}
    assert len(found) == len(results)
    return entry.manifest, name, found


def _named(result: EvalResult) -> Any:
    """Return our own name of a metric, the first word of its pretty name."""
    result.metric_args = result.metric_args | {"metric": result.metric_name.partition(" ")[0]}
    return result


def test_every_number_of_every_task_reads_back(bundle: Path, tmp_path: Path) -> None:
    manifest, name, found = exported(bundle, tmp_path / "card.md")
    assert name == runs.CARD.name
    wanted = {
        (task, metric): value
        for task, stated in manifest.tasks.items()
        for metric, value in stated.metrics.items()
        if metric not in ("n", "answered") and value is not None
    }
    assert {key: one.metric_value for key, one in found.items()} == wanted
    assert len(wanted) == 2 + 4 + 7 + 3
    assert found[OPENED, "bertscore"].metric_value == 0.6125
    assert isinstance(found[LOOKED, "best_layer"].metric_value, int)


def test_no_number_stands_without_its_n_rule_and_method(bundle: Path, tmp_path: Path) -> None:
    manifest, _, found = exported(bundle, tmp_path / "card.md")
    for (task, metric), one in found.items():
        stated, rule = manifest.tasks[task], one.metric_args["rule"]
        assert one.metric_name == f"{metric} with vgrefine, n={stated.n}, {rule}"
        assert (one.metric_args["n"], one.metric_args["asked"]) == (stated.n, stated.asked)
        assert one.metric_args["method"] == METHOD
        protocol = {} if stated.protocol is None else {"protocol": stated.protocol}  # measurements have none
        assert one.dataset_args == protocol | {"questions_sha256": stated.questions}
        assert one.dataset_name == f"{task}, {stated.asked} questions"
        assert rule == stated.rules.get(metric, rule)
    assert found[HARD, "unparseable"].metric_args["rule"] == manifest.tasks[HARD].rules["acc"]
    assert found[LOOKED, "kl"].metric_args["rule"] == measured_by(rows="last", geometry="stretch")


def test_a_data_set_goes_by_its_id_on_the_hub(bundle: Path, tmp_path: Path) -> None:
    _, _, found = exported(bundle, tmp_path / "card.md")
    acc = found[PHARMACY, "acc"]
    assert (acc.dataset_type, acc.dataset_split, acc.dataset_revision) == ("MMMU/MMMU", "validation", None)
    assert (acc.metric_type, acc.task_type) == ("accuracy", "visual-question-answering")
    assert (found[HARD, "acc"].dataset_type, found[HARD, "acc"].dataset_split) == ("demo", "hard")
    assert found[LOOKED, "ar"].metric_type == "ar"


def test_a_revision_that_was_named_is_named(bundle: Path, tmp_path: Path) -> None:
    def pin(made: Parts) -> None:
        made["manifest"]["tasks"][PHARMACY]["data"]["revision"] = "a1b2c3"

    _, _, found = exported(change(bundle, tmp_path / "b.zip", pin), tmp_path / "card.md")
    assert found[PHARMACY, "acc"].dataset_revision == "a1b2c3"
    assert found[HARD, "acc"].dataset_revision is None


@pytest.mark.parametrize(
    "name",
    ["A --- license: mit", "a: b # c", "'\"a", "- [x]", "null", "1e3", "模型 \N{GRINNING FACE}", "a \N{EM DASH} b"],
)
def test_a_name_is_text_whatever_it_holds(tmp_path: Path, name: str) -> None:
    run = runs.save_run(tmp_path / "run", HARD)
    submit([run], runs.CARD.model_copy(update={"name": name}), tmp_path / "b.zip")
    assert exported(tmp_path / "b.zip", tmp_path / "card.md")[1] == name


def test_answers_that_are_scored_elsewhere_are_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_split(tmp_path / "data", "test")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    submit([runs.save_run(tmp_path / "run", "mmmu_med_test", HARD)], runs.CARD, tmp_path / "both.zip")
    assert {task for task, _ in exported(tmp_path / "both.zip", tmp_path / "card.md")[2]} == {HARD}

    def keep_hidden(made: Parts) -> None:
        for kind in ("questions", "answers"):
            del made[f"{kind}/{HARD}.jsonl"]
        del made["manifest"]["tasks"][HARD]

    hidden = change(tmp_path / "both.zip", tmp_path / "hidden.zip", keep_hidden)
    with pytest.raises(ValueError, match="none of its tasks, mmmu_med_test, is scored here"):
        model_index.write(hidden, valid(hidden), tmp_path / "none.md")
    assert not (tmp_path / "none.md").exists()


def test_an_average_stands_under_the_name_of_its_group(tmp_path: Path) -> None:
    submit([runs.save_run(tmp_path / "run", HARD, "vqa_demo_standard")], runs.CARD, tmp_path / "b.zip")
    manifest, _, found = exported(tmp_path / "b.zip", tmp_path / "card.md")
    average = found["vqa_demo", "acc"]
    assert average.metric_value == manifest.groups["vqa_demo"].metrics["acc"]
    assert average.dataset_name == "vqa_demo: vqa_demo_standard, vqa_demo_hard"
    assert average.metric_name == f"acc with plain, n={2 * FEW}, {manifest.tasks[HARD].rules['acc']}"
