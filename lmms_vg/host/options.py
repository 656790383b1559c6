"""Every option of `lmms-eval`, and how our models and our tasks treat it.

docs/host_options.md shows the table `OPTIONS`, a test compares it with lmms-eval's own parser, and `refuse` acts on it. An
option that can change an answer or a score is honoured, refused by name, or recorded and named in the summary.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from lmms_vg.host import callers, failure

Treatment = Literal["honoured", "refused", "recorded", "no effect"]
Side = Literal["models", "tasks"]

_UNSET = (None, False, "")
_SEEDS = ("random_seed", "numpy_random_seed", "torch_random_seed", "fewshot_random_seed")


class Option(NamedTuple):
    """The treatment of one of lmms-eval's options.

    Attributes:
        models: By our models, on any task.
        tasks: By our tasks, with any model of lmms-eval.
        why: The reason, as a sentence; if the option is refused, it ends with what to do instead.
        unset: Values that ask for nothing.
    """

    models: Treatment
    tasks: Treatment
    why: str
    unset: tuple[Any, ...] = _UNSET


def _plain(why: str) -> Option:
    return Option("no effect", "no effect", why)


_LOGGED = _plain("decides what is logged, printed or uploaded; no answer and no score depends on it")
_POWER = _plain("plans a sample size before anything is asked; our tasks need --include_path there")

OPTIONS: dict[str, Option] = {
    "config": Option("honoured", "honoured", "a file of options; each is treated as on the command line"),
    "model": Option("honoured", "honoured", "the model"),
    "tasks": Option("honoured", "honoured", "the tasks"),
    "model_args": Option("honoured", "honoured", "unknown names and wrong values are refused"),
    "include_path": Option(
        "honoured", "honoured", "adds tasks; if names are equal ours wins, unless LMMS_VG_KEEP_BUILTIN=1"
    ),
    "batch_size": Option(
        "honoured",
        "honoured",
        "part of the journal key, as a number or as auto; auto is the default of our models on CUDA, 1 elsewhere",
    ),
    "max_batch_size": _plain("our models' auto has a bound of its own, 128 on CUDA and 8 elsewhere"),
    "device": Option("honoured", "honoured", "checked before weights are read"),
    "gen_kwargs": Option(
        "honoured",
        "honoured",
        "part of the journal key; settings that our decoding does not have are refused, and reports mark a run "
        "whose decoding differs from its protocol",
    ),
    "limit": Option(
        "recorded", "recorded", "a part of each task only, so the numbers do not stand for their benchmarks", (None, -1)
    ),
    "offset": Option(
        "recorded", "recorded", "a part of each task only, so the numbers do not stand for their benchmarks", (None, 0)
    ),
    "repeats": Option(
        "recorded",
        "recorded",
        "every answer is journalled and saved, and the first answer to each question is scored: lmms-eval "
        "computes no stability metrics for chat tasks",
        (None, 1),
    ),
    "predict_only": Option("recorded", "recorded", "answers are journalled and saved, but not scored"),
    "reasoning_tags": Option(
        "honoured",
        "no effect",
        "our tasks state what is cut off before scoring (thinking, analysis), and lmms-eval follows the task first",
    ),
    "seed": Option(
        "recorded",
        "honoured",
        "greedy decoding needs none; when our models sample, the seed is --model_args sampling_seed=N, "
        "and another --seed is refused",
        (None, [0, 1234, 1234, 1234]),
    ),
    "use_cache": Option(
        "refused",
        "honoured",
        "it returns answers without what our models measured; leave it out: the journal already "
        "keeps every answer, and the same command asks nothing twice",
    ),
    "cache_requests": Option(
        "refused",
        "refused",
        "lmms-eval loses the images of cached requests, and does not notice a changed --gen_kwargs; leave it out",
    ),
    "num_fewshot": Option(
        "refused",
        "refused",
        "lmms-eval shows no examples to chat models, and our protocols have none; leave it out",
        (None, 0),
    ),
    "fewshot_as_multiturn": Option(
        "refused", "refused", "lmms-eval shows no examples to chat models, and our protocols have none; leave it out"
    ),
    "system_instruction": Option(
        "refused", "refused", "lmms-eval does not show it to chat models, and our protocols have none; leave it out"
    ),
    "apply_chat_template": Option(
        "refused", "honoured", "our models always apply the template of their checkpoint; leave it out"
    ),
    "max_tokens": Option(
        "refused",
        "honoured",
        "a budget of tokens for API models, whose unanswered questions then count as failed; the length "
        "of an answer is --gen_kwargs max_new_tokens=N",
    ),
    "baseline": Option(
        "honoured",
        "refused",
        "lmms-eval finds no scores of single questions in our samples, so it compares nothing; to compare "
        "runs: lmms-vg compare",
    ),
    "launcher_args": _plain("starts a judge, which our tasks do not ask"),
    "force_simple": _plain("our models have one form, and our tasks ask a simple model the same text and images"),
    "process_with_media": _plain("our documents hold no media, only their paths"),
    "process_docs_parallel": _plain("sets how many threads score; our scoring does not depend on it"),
    "agentic_trace_mode": _plain("concerns tasks of several rounds; we have none"),
    "check_integrity": _plain("runs lmms-eval's own tests"),
    "trust_remote_code": _plain("lmms-eval 0.7.3 never reads it; we never run code of a checkpoint or data set"),
    "tui": _plain("starts a terminal interface instead"),
    **dict.fromkeys(
        (
            "output_path",
            "write_out",
            "log_samples",
            "wandb_log_samples",
            "swanlab_log_samples",
            "log_samples_suffix",
            "show_config",
            "verbosity",
            "wandb_args",
            "swanlab_args",
            "timezone",
            "hf_hub_log_args",
        ),
        _LOGGED,
    ),
    **dict.fromkeys(("power_analysis", "effect_size", "alpha", "power", "correlation", "std_a", "std_b"), _POWER),
}


def given() -> dict[str, Any]:
    """Options set in the running evaluation, name -> value; none outside of one.

    At the command line these are all options, in Python those that `simple_evaluate` accepts.
    """
    arguments = callers.evaluation()
    if arguments is None:
        return {}
    values = dict(arguments) | {"cache_requests": _caching(arguments), "seed": [arguments.get(name) for name in _SEEDS]}
    return {
        name: values[name] for name, option in OPTIONS.items() if name in values and values[name] not in option.unset
    }


def passed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what lmms-eval passes to a model, without what nobody asked for.

    Its command line always passes a batch size: as the number 1 if none is given, and as text if one is. A configuration file
    gives numbers.
    """
    line = callers.command_line()
    unasked = {"batch_size": 1} if line is not None and not getattr(line.get("args"), "config", None) else {}
    return {name: value for name, value in arguments.items() if value is not None and value != unasked.get(name)}


def refuse(side: Side) -> None:
    """End the run if options are set that cannot be honoured.

    Raises:
        RunFailed: Or SystemExit; the message names each option with its value and what to do instead.
    """
    refused = [name for name in given() if getattr(OPTIONS[name], side) == "refused"]
    if refused:
        raise failure.failed(f"lmms_vg: {'; '.join(map(shown, refused))}")


def recorded() -> dict[str, Any]:
    """Options that results of our models must state with their numbers, name -> value."""
    return {name: value for name, value in given().items() if OPTIONS[name].models == "recorded"}


def shown(name: str) -> str:
    """Return an option as it was given, and how it is treated."""
    value = given()[name]
    return f"--{name}{'' if value is True else f' {value}'}: {OPTIONS[name].why}"


def as_markdown() -> str:
    """Return the table of docs/host_options.md; options with the same treatment and reason share a row."""
    rows = ["| option | models of lmms_vg | tasks of lmms_vg, any model | |", "|---|---|---|---|"]
    for option, items in groupby(OPTIONS.items(), key=itemgetter(1)):
        names = ", ".join(f"`{name}`" for name, _ in items)
        rows.append(f"| {names} | {option.models} | {option.tasks} | {option.why} |")
    return "\n".join(rows) + "\n"


def _caching(arguments: Mapping[str, Any]) -> Any:
    names = {"cache_requests": "true", "rewrite_requests_cache": "refresh", "delete_requests_cache": "delete"}
    return next((text for name, text in reversed(names.items()) if arguments.get(name)), None)
