"""Names of lmms-eval's own models, read in its source: importing it would take seconds, and would import us in turn."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: Dictionaries of `lmms_eval/models/__init__.py` whose keys, and in the last one also values, are names of models.
_LISTS = ("AVAILABLE_SIMPLE_MODELS", "AVAILABLE_CHAT_TEMPLATE_MODELS", "MODEL_ALIASES")


@cache
def host_models() -> frozenset[str]:
    """Return the names and aliases of lmms-eval's own models; none if its source is not where 0.7.3 has it."""
    spec = find_spec("lmms_eval")  # imports nothing
    if spec is None or not spec.origin:
        return frozenset()
    try:
        tree = ast.parse((Path(spec.origin).parent / "models" / "__init__.py").read_bytes())
    except (OSError, SyntaxError):
        return frozenset()
    return frozenset().union(*(_names(node) for node in tree.body))


def _names(node: ast.stmt) -> set[str]:
    """Texts in one of the dictionaries that are names of models; none in any other statement."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    stated = {target.id for target in targets if isinstance(target, ast.Name)}
    if not stated.intersection(_LISTS) or not isinstance(getattr(node, "value", None), ast.Dict):
        return set()
    table: ast.Dict = node.value  # type: ignore[attr-defined]
    texts = [*table.keys, *(part for value in table.values if isinstance(value, ast.Tuple) for part in value.elts)]
    return {text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)}
