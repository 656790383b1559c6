"""A plan as text: which rows run on which model, what has to be downloaded, and the time by the cost model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lmms_vg.reproduce import cost
from lmms_vg.reproduce.ask import Ask
from lmms_vg.reproduce.downloads import bertscore, checkpoint, datasets
from lmms_vg.reproduce.not_here import AskElsewhere
from lmms_vg.reproduce.plan import Plan, calibration
from lmms_vg.runs.results import Run
from lmms_vg.runs.text_tables import markdown
from lmms_vg.tasks.registry import TASKS


def announce(plan: Plan) -> str:
    """The plan as Markdown. Nothing is run, and no weights are read."""
    parts = [title(plan), "## Plan", _rows(plan)]
    waiting = [ask for ask in plan.asks if ask.heads and ask.missing]
    parts += [
        f"Step 0, for {ask.row.name}: no heads are known for its checkpoint, so they are ranked first, {_on(plan)}. The run "
        f"does this; to do it apart:\n\n    {calibration(ask, plan.demo_data)}"
        for ask in waiting
    ]
    if plan.elsewhere:
        parts += ["Rows of models that do not run here:", *_elsewhere(plan)]
    parts += [_tasks(plan), "Downloads:", _downloads(plan), "Estimated GPU time:", _time(plan)]
    return "\n\n".join([*parts, *([plan.target.note] if plan.target.note else [])])


def _on(plan: Plan) -> str:
    if plan.demo_data:
        return "with phantoms that no demo task asks about"
    return "with VGMED's questions about COCO (`lmms-vg data fetch vgmed coco`)"


def title(plan: Plan) -> str:
    """Return the title, followed by a warning if the results cannot stand for the paper's."""
    about = plan.target.title or (f"Table {plan.table.id}: {plan.table.title}" if plan.table else "")
    own = ""
    if plan.own is not None:
        own = f"\n\nThe methods and columns of the paper, on {plan.own.pretrained}. The paper has no numbers of it."
    return f"# {about}{own}{warning(plan, {})}"


def warning(plan: Plan, runs: Mapping[str, Run]) -> str:
    """Return a paragraph that says why the numbers cannot stand for the paper's; empty if they can."""
    reasons = [
        *(["--model demo: the demo model answers for the paper's checkpoints"] if plan.demo_model else []),
        *(["--data demo: phantoms stand for the paper's data"] if plan.demo_data else []),
        *(["medical and COCO images are the same phantoms, so the gap is 0"] if plan.demo_data and plan.figure else []),
        *(f"{row} was run with {run.restricted}" for row, run in runs.items() if run.restricted),
    ]
    if not reasons:
        return ""
    return f"\n\n**NOTHING IS REPRODUCED HERE.** {'; '.join(reasons)}. This shows the path; verdicts mean nothing."


def _rows(plan: Plan) -> str:
    if not plan.asks:
        return "No row runs here: no family for its models is installed."
    rows = [
        [ask.row.name, f"`{ask.model}`", f"`{ask.model_args}`", ask.stated or "none", str(ask.folder), _state(ask)]
        for ask in plan.asks
    ]
    return markdown(["row", "--model", "--model_args", "hyper-parameters", "results in", "state"], rows, texts=6)


def _state(ask: Ask) -> str:
    if ask.run is not None and not ask.missing:
        return f"done: `{ask.run.path.name}`"
    if ask.heads:
        return "to run, after step 0"
    return "to run" if ask.run is None else f"to run: {', '.join(ask.missing)}"


def _elsewhere(plan: Plan) -> Iterator[str]:
    yield "\n".join(f"- {ask.name}: {ask.why}{_accuracy(plan, ask)}" for ask in plan.elsewhere)
    commands = [f"    {ask.command}" for ask in plan.elsewhere if ask.command and ask.run is None]
    if commands:
        yield (
            "lmms-eval has a model for these, which gives accuracy and no attention. None was tried with these weights. Run "
            "one and repeat your command: its cells are compared, too.\n\n" + "\n".join(commands)
        )


def _accuracy(plan: Plan, ask: AskElsewhere) -> str:
    """Return what can be done for a row's accuracy."""
    if plan.figure or plan.demo_model or plan.demo_data:
        return ""
    if ask.model is None:
        return "; lmms-eval has no model for it either"
    if ask.run is not None:
        return f"; run with lmms-eval's `{ask.model.model}`: `{ask.run.path.name}`"
    remark = f", {ask.model.remark}" if ask.model.remark else ""
    return f"; accuracy with lmms-eval's `{ask.model.model}`{remark}"


def _tasks(plan: Plan) -> str:
    columns = {
        task: ", ".join(column.name for column in plan.columns if column.tasks == (task,)) for task in plan.tasks
    }
    for kind, pair in plan.figure.items():
        for side, task in zip(("medical", "COCO"), pair, strict=True):
            columns[task] = ", ".join(filter(None, (columns[task], f"{kind} ({side})")))
    rows = []
    for task in plan.tasks:
        questions, images = cost.numbers(task)
        exactly = task in cost.IMAGES
        n = f"{questions:,}" if TASKS[task].n is not None else f"about {questions:,}"
        rows.append([task, columns[task], n, f"{images:,}" if exactly else f"at most {images:,}"])
    return markdown(["task", "column", "questions", "images"], rows, texts=2)


def _downloads(plan: Plan) -> str:
    wanted = [] if plan.demo_model else dict.fromkeys(ask.row.checkpoint for ask in plan.asks)
    scorer = [bertscore()] if any(column.metric == "bertscore" for column in plan.columns) else []
    lines = [*map(checkpoint, wanted), *scorer, *datasets(plan.tasks)]
    return "\n".join(f"    {line}" for line in lines) if lines else "none: model and data come with the package"


def _time(plan: Plan) -> str:
    if not plan.asks:
        return "none: no row runs here"
    if plan.demo_model:
        return "none: the demo model answers on a CPU, in minutes"
    return "\n\n".join(_estimates(plan))


def _estimates(plan: Plan) -> Iterator[str]:
    rows, total = [], 0.0
    asked = {ask.folder: ask for ask in reversed(plan.asks)}  # rows of one setting are asked once
    for ask in reversed(asked.values()):
        checkpoint, method = ask.row.checkpoint, ask.row.method
        constants = cost.Constants.modelled(checkpoint.billions, image_tokens=checkpoint.image_tokens)
        time = sum(constants.seconds(method, *cost.numbers(task)) for task in ask.missing)
        total += time
        tokens = f"{checkpoint.image_tokens:,}"
        spoken = cost.spoken(time) if checkpoint.billions else "not known: its weights are not here"
        rows.append([ask.row.name, cost.WORK[method].why, tokens, spoken if ask.missing else "done"])
    head = ["row", "method", "tokens of an image (N)", "time"]
    yield markdown(head, [*rows, ["all", "", "", cost.spoken(total)]], texts=2)
    yield cost.STATED
