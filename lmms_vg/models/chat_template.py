"""Find a checkpoint's own chat template, and the form in which it takes a message."""

from __future__ import annotations

from typing import Any, Literal

from loguru import logger

from lmms_vg.models.checkpoint import CheckpointError, read_json
from lmms_vg.models.huatuo_checkpoint import is_huatuo
from lmms_vg.models.prompts import IMAGE, join

#: Form of the content of a message: a list of parts, or one string with `<image>` in it.
Form = Literal["parts", "string"]

_PROBE = "Is there a nodule in the upper lobe?"


def find(pretrained: str, revision: str | None, tokenizer: Any) -> str | None:
    """Find the template that transformers' processor would use, else the tokenizer's; of several, the "default".

    Raises:
        CheckpointError: There are several named templates, and none is named "default".
    """
    for file in ("processor_config.json", "chat_template.json"):
        stored = (read_json(pretrained, revision, file) or {}).get("chat_template")
        if stored:
            return _default(pretrained, file, stored)
    return _default(pretrained, "the tokenizer", getattr(tokenizer, "chat_template", None))


def _default(pretrained: str, file: str, stored: Any) -> str | None:
    if isinstance(stored, list):
        stored = {entry["name"]: entry["template"] for entry in stored}
    if not isinstance(stored, dict):
        return stored or None
    if "default" not in stored:
        raise CheckpointError(
            f"pretrained={pretrained!r}: {file} has the chat templates {', '.join(sorted(stored))} and none named "
            "'default'; allowed is one template, or several of which one is 'default': name it so in a copy"
        )
    default: str | None = stored["default"]
    return default


def render(tokenizer: Any, template: str, body: str, form: Form) -> str:
    """Render a user's message (images marked `<image>`) up to the place where the answer begins."""
    content: str | list[dict[str, str]] = body
    if form == "parts":
        content = []
        for i, piece in enumerate(body.split(IMAGE)):
            content += [{"type": "image"}] * (i > 0)
            content += [{"type": "text", "text": piece.strip("\n")}] * bool(piece.strip("\n"))
    message = [{"role": "user", "content": content}]
    text: str = tokenizer.apply_chat_template(
        message, chat_template=template, tokenize=False, add_generation_prompt=True
    )
    return text


def form_of(pretrained: str, tokenizer: Any, template: str, raw: dict[str, Any], mark: str = IMAGE) -> Form:
    """Find the form in which the template keeps one image (written as `mark`) and one text intact; parts are tried first.

    A HuatuoGPT-Vision, recognised by its config.json (`raw`), is asked so too, with a warning.

    Raises:
        CheckpointError: The template keeps them intact in neither form.
    """
    hint = f"HuatuoGPT-Vision was trained on another prompt: --model huatuo_plain --model_args pretrained={pretrained}"
    if is_huatuo(raw):
        logger.warning(f"pretrained={pretrained!r} is asked in its tokenizer's chat template; {hint}")
    results = []
    forms: tuple[Form, Form] = ("parts", "string")
    for form in forms:
        problem = _problem(tokenizer, template, form, mark)
        if problem is None:
            return form
        results.append(f"as {form}: {problem}")
    raise CheckpointError(
        f"pretrained={pretrained!r}: its chat template, which begins {template[:60]!r}, does not write one image and one "
        f"text as exactly one {mark} and that text ({'; '.join(results)}). {f'{hint}. ' if is_huatuo(raw) else ''}"
        "Correct the template in a copy, or (LLaVA) remove it: without one the prompt is Vicuna's"
    )


def _problem(tokenizer: Any, template: str, form: Form, mark: str) -> str | None:
    try:
        text = render(tokenizer, template, join([IMAGE, _PROBE]), form)
    except Exception as problem:  # noqa: BLE001 - a template is a program: it may raise anything
        return f"{type(problem).__name__}: {problem}"
    if "'type': '" in text:
        return "it prints the list of parts literally"
    images, texts = text.count(mark), text.count(_PROBE)
    return None if (images, texts) == (1, 1) else f"{images} {mark} and {texts} times the text"
