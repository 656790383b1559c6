"""Targets against what they name: the paper's tables, tasks, head lists of checkpoints, methods."""

from __future__ import annotations

from pathlib import Path

import pytest
from lmms_eval.models import AVAILABLE_CHAT_TEMPLATE_MODELS, AVAILABLE_SIMPLE_MODELS
from lmms_eval.utils import simple_parse_args_string

from lmms_vg.inference.settings import split_arguments
from lmms_vg.methods import METHODS
from lmms_vg.methods.head_lists import shipped
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import Shape, shape_of
from lmms_vg.paper.columns import weights
from lmms_vg.paper.published import published, table
from lmms_vg.reproduce import plan
from lmms_vg.reproduce.checkpoints import HUATUO_7B, HUATUO_34B, LLAVA_7B
from lmms_vg.reproduce.columns import columns
from lmms_vg.reproduce.cost import IMAGES, WORK
from lmms_vg.reproduce.plan import make
from lmms_vg.reproduce.target import TargetRow
from lmms_vg.reproduce.targets import FIGURE, TARGETS
from lmms_vg.tasks.registry import TASKS

TABLES = {name: target for name, target in TARGETS.items() if target.table}
ROWS = [(name, row) for name, target in TARGETS.items() for row in target.rows]


def test_every_table_but_the_ratings_is_a_target() -> None:
    asked = [one.id for one in published().tables if one.id != "R.6"]  # R.6 is of people: rating_table
    assert [target.table for target in TABLES.values()] == asked


@pytest.mark.parametrize("name", TABLES)
def test_every_published_row_is_run_or_named_as_not_run(name: str) -> None:
    target = TABLES[name]
    named = {*(row.name for row in target.not_here), *(row.published for row in target.rows)}
    assert sorted(named) == sorted(table(target.table).rows)


def test_figure_3_has_its_nine_models() -> None:
    """Eight medical ones (Section 2.3) and LLaVA-v1.5."""
    target = TARGETS["fig3"]
    assert sorted([*(row.name for row in target.rows), *(row.name for row in target.not_here)]) == [
        "HuatuoGPT-V-34B",
        "HuatuoGPT-V-7B",
        "HuatuoGPT-V-Bio",
        "LLaVA-Med",
        "LLaVA-Tri",
        "LLaVA-v1.5-7B",
        "MedRegA",
        "VILA-M3-13B",
        "VILA-M3-8B",
    ]


def test_lmms_eval_has_the_models_that_stand_in() -> None:
    theirs = {one for target in TARGETS.values() for one in target.not_here if one.elsewhere}
    named = {one.elsewhere for one in theirs} | {row.checkpoint.elsewhere for _, row in ROWS}
    for elsewhere in filter(None, named):
        assert elsewhere.model in AVAILABLE_SIMPLE_MODELS.keys() | AVAILABLE_CHAT_TEMPLATE_MODELS.keys()
        assert simple_parse_args_string(elsewhere.model_args)["pretrained"]


def test_rows_that_are_not_here_say_why_in_one_sentence() -> None:
    for target in TARGETS.values():
        for row in target.not_here:
            assert len(row.why) > 40
            assert not row.why.endswith(".")


@pytest.mark.parametrize("name", TABLES)
def test_every_published_column_is_a_metric_of_its_tasks(name: str) -> None:
    made = columns(table(TABLES[name].table), demo=False)
    assert [one.name for one in made] == table(TABLES[name].table).columns
    for one in made:
        for task in one.tasks:
            assert "vgrefine" in TASKS[task].protocols
            assert (one.metric == "acc") is not task.endswith("_open")


def test_columns_are_the_tasks_of_their_names() -> None:
    by_name = {one.name: one for one in columns(table("G.5"), demo=False)}
    assert by_name["PathVQA"][1:] == ("acc", ("pathvqa_closed",), {})
    assert by_name["SLAKE OpenRecall"][1:] == ("open_recall", ("slake_open",), {})
    assert by_name["VQA-RAD BERT"][1:] == ("bertscore", ("vqa_rad_open",), {})
    assert by_name["DLM"].tasks == ("mmmu_med_diagnostics_and_laboratory_medicine",)
    assert by_name["X-Ray"].tasks == ("omnimedvqa_xray",)
    (average,) = (one for one in columns(table("E.3"), demo=False) if one.name == "SLAKE Avg.")
    assert average[1:] == ("average", ("slake_open",), {})


@pytest.mark.parametrize(("id", "column"), [("1", "Avg."), ("3", "Avg."), ("G.5", "OmniMedVQA Avg.")])
def test_pooling_our_questions_is_the_papers_weighting(id: str, column: str) -> None:
    (average,) = (one for one in table(id).averages if one.column == column)
    (made,) = (one for one in columns(table(id), demo=False) if one.name == column)
    assert made.weights == {}
    assert [TASKS[task].n for task in made.tasks] == weights(average.of, average.weighting)


def test_mmmu_is_weighed_by_its_test_questions() -> None:
    made = columns(table("2"), demo=False)[-1]
    assert list(made.weights.values()) == [326, 325, 162, 430, 509]
    assert tuple(made.weights) == made.tasks
    assert [TASKS[task].n for task in made.tasks] == [30] * 5, "pooled, all would weigh the same"


def test_demo_columns_take_turns_and_weights_add_up() -> None:
    made = {one.name: one for one in columns(table("2"), demo=True)}
    turns = [made[name].tasks[0] for name in ("BMS", "CM", "DLM", "P", "PH")]
    assert turns == ["vqa_demo_standard", "vqa_demo_hard", "vqa_demo_standard", "vqa_demo_hard", "vqa_demo_standard"]
    assert made["Avg."].weights == {"vqa_demo_standard": 326 + 162 + 509, "vqa_demo_hard": 325 + 430}
    assert {task for one in columns(table("E.3"), demo=True) for task in one.tasks} == {"vqa_demo_open"}


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row.name}" for name, row in ROWS])
def test_a_row_is_one_its_family_and_method_take(name: str, row: TargetRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsed as lmms-eval does; a head list replaces one that has to be calibrated."""
    if row.checkpoint.family not in FAMILIES:
        pytest.skip(f"the family {row.checkpoint.family} is not installed")
    monkeypatch.setattr(plan, "families", lambda: {row.checkpoint.family: None})
    (ask,) = [one for one in make(name, None, None, "", None).asks if one.row.name == row.name]
    given = simple_parse_args_string(ask.hyper_parameters)
    if row.calibrate:
        given["heads"] = "+".join(f"30-{head}" for head in range(20))
    _, _, own = split_arguments(row.checkpoint.family, row.method, given)
    shape = Shape(row.checkpoint.pretrained, row.checkpoint.layers, row.checkpoint.heads, {})
    made = METHODS[row.method].for_checkpoint(shape, **own)
    assert row.method in WORK
    for option, value in row.hyper_parameters.items():
        expected = tuple(map(int, str(value).split("+"))) if option == "layers" else value
        assert getattr(made, option) == expected
    if row.method == "vgrefine":
        assert made.layers == ((34, 35, 36) if row.calibrate else (16,))
        assert (made.k, made.p) == (20, 50.0) or name == "table4"


def test_shapes_are_those_of_the_checkpoints(shared_data: Path) -> None:
    """For HuatuoGPT-Vision the original layouts, which hold the same models as the rows' conversions."""
    for checkpoint in (HUATUO_7B, HUATUO_34B, LLAVA_7B):
        name = Path(checkpoint.pretrained).name
        shape = shape_of(str(shared_data / "checkpoints" / (name.removesuffix("-hf") if "Huatuo" in name else name)))
        assert (shape.layers, shape.heads) == (checkpoint.layers, checkpoint.heads)


def test_pai_runs_as_here_and_as_its_read_me() -> None:
    ours, theirs = (row for row in TARGETS["tableF4"].rows if row.method == "pai")
    assert (ours.published, theirs.published) == ("PAI", "PAI")
    assert ours.hyper_parameters == {}
    assert theirs.hyper_parameters == {"alpha": 0.2, "cfg": True, "gamma": 1.1, "faithful": True}


def test_heads_are_to_be_calibrated_exactly_where_none_are_shipped() -> None:
    for _, row in ROWS:
        lists = [one for one in shipped().values() if row.checkpoint.pretrained in one.models]
        if row.method == "vgrefine":
            assert len(lists) == 1
            assert row.calibrate is (not lists[0].heads)
        else:
            assert not row.calibrate


def test_folders_of_a_target_are_its_own() -> None:
    for target in TARGETS.values():
        assert len({row.name.lower() for row in target.rows}) == len(target.rows)


def test_figure_and_counted_images_are_of_tasks_that_exist() -> None:
    assert {task for pair in FIGURE.values() for task in pair} <= set(TASKS)
    assert all("coco" not in medical and "coco" in coco for medical, coco in FIGURE.values())
    assert set(IMAGES) <= set(TASKS)
    demo = TASKS["vqa_demo_hard"].load()
    assert IMAGES["vqa_demo_hard"] == len({sample.images[0] for sample in demo})


@pytest.mark.parametrize("id", ["1", "2", "3", "E.3", "G.5"])
def test_columns_are_the_leaderboards(id: str) -> None:
    """The same column of the paper has the same tasks, metric and weights in both."""
    from lmms_vg.leaderboard.table_specs import shapes

    (shape,) = [one for one in shapes("vgrefine") if one.published == id]
    theirs = {measure.title: measure for measure in shape.measures}
    for column in columns(table(id), demo=False):
        measure = theirs[column.name]
        way = measure.ways[0]
        assert measure.metric == column.metric
        tasks = [task for part in way for task in part.tasks]
        assert tuple(tasks) == column.tasks or column.metric == "average"
        if column.weights:
            total = sum(column.weights.values())
            assert {part.tasks[0]: part.weight for part in way} == {
                task: pytest.approx(weight / total) for task, weight in column.weights.items()
            }


def test_the_rows_of_the_ablation_are_its_settings() -> None:
    rows = {row.name: (row.hyper_parameters["k"], row.hyper_parameters["p"]) for row in TARGETS["table4"].rows}
    expected = {f"K = {k}": (k, 50.0) for k in (1, 2, 5, 8, 10, 15, 20)}
    assert rows == expected | {f"p = {p}%": (20, float(p)) for p in range(30, 100, 10)}


def test_one_setting_of_the_ablation_is_asked_once(tmp_path: Path) -> None:
    asks = {ask.row.name: ask for ask in make("table4", None, "demo", "", tmp_path).asks}
    assert len({ask.folder for ask in asks.values()}) == 13
    assert asks["K = 20"].folder == asks["p = 50%"].folder
    demo = {ask.row.name: ask for ask in make("table4", "demo", "demo", "", tmp_path).asks}
    assert demo["K = 5"].hyper_parameters == "k=5,p=50"
    assert demo["K = 20"].hyper_parameters == "k=10,p=50", "the demo model's list has ten heads"
    assert demo["K = 15"].folder == demo["K = 10"].folder


def test_the_ablation_of_an_own_checkpoint_keeps_its_settings(tmp_path: Path) -> None:
    asks = make("table4", "llava", "demo", "pretrained=demo", tmp_path).asks
    assert [ask.hyper_parameters for ask in asks[:2]] == ["k=1,p=50", "k=2,p=50"]


def test_the_token_rows_of_figure_q28_are_settings_of_its_runs(tmp_path: Path) -> None:
    asks = make("figQ28", None, "demo", "", tmp_path).asks
    rows = [simple_parse_args_string(ask.common).get("rows", "last") for ask in asks]
    assert rows == ["last+question+all"] * 2
    own = make("figQ28", "llava", "demo", "pretrained=demo", tmp_path).asks
    assert [ask.row.name for ask in own] == ["demo, rows=last+question+all"]


def test_figure_a1_has_the_cells_of_both_tables() -> None:
    made = make("figA1", None, None, "", None)
    assert made.table is not None
    for id, average in (("2", "MMMU Avg."), ("3", "OmniMedVQA Avg.")):
        for row in table(id).rows:
            for column in table(id).columns:
                name = average if column == "Avg." else column
                assert made.table.cell(row, name) == table(id).cell(row, column)
    assert made.table.cell("MedPLIB", "BMS") is None, "it is not in Table 2"
    assert {*made.table.rows} == {*table("2").rows, *table("3").rows}
    assert len(made.tasks) == 13
