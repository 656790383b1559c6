"""Settings of methods as the command line writes them: `--methods plain,vgrefine --model_args pretrained=demo,vgrefine.k=10`.

Reading them imports nothing of lmms-eval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lmms_vg._util.suggest import suggest
from lmms_vg.inference.settings import Settings
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES


class Setting(NamedTuple):
    """A method with hyper-parameters, written as in `--model_args`; `label` is its folder under the output path."""

    label: str
    method: str
    hyper_parameters: str = ""

    def model_args(self, common: str) -> str:
        """Return the `--model_args` of this setting: the common arguments and its hyper-parameters."""
        return ",".join(filter(None, (common, self.hyper_parameters)))


def settings_of(family: str, methods: Sequence[str], model_args: str) -> tuple[list[Setting], str]:
    """Parse `--methods` and `--model_args` into one setting per method and the common arguments.

    There a hyper-parameter names its method, `vgrefine.k=10`, because names like `layers` or `alpha` differ in meaning.

    Raises:
        ValueError: A method is unknown or named twice, or a hyper-parameter names no method or one that is not asked.
    """
    for method in methods:
        if method not in METHODS:
            raise ValueError(f"--methods {method!r}: {suggest(method, METHODS)}allowed is {', '.join(METHODS)}")
    if len(set(methods)) < len(methods):
        raise ValueError(f"--methods {','.join(methods)}: each at most once (settings of one method: lmms-vg sweep)")
    common: list[str] = []
    own: dict[str, list[str]] = {method: [] for method in methods}
    for name, value in pairs(model_args):
        method, dot, hyper_parameter = name.partition(".")
        if dot and method in own and hyper_parameter in METHODS[method].options():
            own[method].append(f"{hyper_parameter}={value}")
        elif is_common(name, family):
            common.append(f"{name}={value}")
        else:
            raise ValueError(_misplaced(f"{name}={value}", family, methods))
    return [Setting(method, method, ",".join(own[method])) for method in methods], ",".join(common)


def pairs(model_args: str) -> Iterator[tuple[str, str]]:
    """Parse `--model_args` into names and values; `heads=true` becomes `per_head`, as methods have a head list `heads`.

    Raises:
        ValueError: An argument has no value.
    """
    for part in filter(None, model_args.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"model_args {part!r} has no '='; allowed is name=value, such as pretrained=demo")
        yield "per_head" if name == "heads" and value.lower() in ("true", "false") else name, value


def common_arguments(family: str | None) -> tuple[str, ...]:
    """Return the arguments that belong to the model, whatever the method; with a family, its own settings too."""
    own = FAMILIES[family].options.__dataclass_fields__ if family is not None and family in FAMILIES else {}
    return (*Settings.__dataclass_fields__, *own)


def is_common(name: str, family: str | None = None) -> bool:
    """Return whether an argument belongs to the model, whatever the method."""
    return name in common_arguments(family)


def _misplaced(argument: str, family: str, methods: Sequence[str]) -> str:
    name = argument.partition("=")[0].strip()
    owner, _, hyper_parameter = name.rpartition(".")
    if owner in methods:
        options = METHODS[owner].options()
        has = ", ".join(options) or "no hyper-parameters"
        return f"model_args {argument!r}: {suggest(hyper_parameter, options)}{owner} has {has}"
    takers = [method for method in methods if hyper_parameter in METHODS[method].options()]
    if takers:
        return f"model_args {argument!r}: with --methods a hyper-parameter names its method, here {takers[0]}.{hyper_parameter}"
    fields = ", ".join(common_arguments(family))
    return f"model_args {argument!r}: not known to {', '.join(methods)}; arguments of all are {fields}"
