"""The load check refuses text models whose forward pass does more than their layers, and accepts all others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from asking import good
from loguru import logger
from torch import Tensor, nn

from lmms_vg.attention import self_check
from lmms_vg.attention.decoder import Decoder
from lmms_vg.inference import build as engine
from lmms_vg.inference.build import build
from lmms_vg.models import FAMILIES, Family
from lmms_vg.models.base import NoOptions
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import open_picture

KINDS = ["llama", "qwen2", "qwen3", "mistral"]
DTYPES = ["float32", "bfloat16", "float16"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: tiny.save(tmp_path_factory.mktemp("checkpoint") / kind, kind) for kind in KINDS}


def load(folder: Path, dtype: str = "float32") -> Family:
    return FAMILIES["llava"].load(str(folder), None, engine.DTYPES[dtype], "cpu", None, "true", NoOptions())


@pytest.fixture(scope="module")
def fresh(folders: dict[str, Path]) -> Callable[[str, str], Family]:
    """A freshly loaded checkpoint, for one check, because a check leaves our attention installed."""
    loaded = cache(lambda kind, dtype: load(folders[kind], dtype))
    return lambda kind, dtype: deepcopy(loaded(kind, dtype))


def with_image(family: Family) -> Any:
    return family.prompt([open_picture(tiny.picture(1)), self_check.TEXT])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_sound_checkpoints_are_taken(fresh: Callable[[str, str], Family], kind: str, dtype: str) -> None:
    """Equal to the last bit, with an image (as on a GPU) and without: both take the same steps in the same order."""
    for prompt in (self_check.probe, with_image):
        family = fresh(kind, dtype)
        deviation, allowed = self_check.compare(family, prompt(family))
        assert deviation == 0
        assert allowed < 0.04
    self_check.self_check(fresh(kind, dtype), kind)


def test_on_a_cpu_it_is_asked_a_short_text(folders: dict[str, Path]) -> None:
    family = load(folders["llama"])
    prompt = self_check.probe(family)
    assert 0 < len(prompt.input_ids) <= 16
    assert not prompt.images
    family.tokenizer.chat_template = family.chat_template = (  # type: ignore[attr-defined]
        "You look at pictures. " * 20 + "{{ messages[0]['content'][0]['text'] }}"
    )
    assert len(self_check.probe(family).input_ids) == 16


def test_on_a_gpu_it_is_asked_the_whole_prompt_with_its_image(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    family = load(folders["llama"])
    with monkeypatch.context() as patched:
        patched.setattr(type(family.model), "device", property(lambda _: torch.device("cuda", 0)))
        prompt = self_check.probe(family)
    assert prompt.images
    assert len(prompt.image_tokens) == (tiny.SIDE // tiny.PATCH) ** 2
    assert len(prompt.input_ids) > prompt.prefix > self_check.CPU_TOKENS
    assert self_check.TEXT in prompt.text
    assert self_check.compare(family, prompt)[0] == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_sound_checkpoints_are_taken_on_a_gpu(folders: dict[str, Path], kind: str, dtype: str) -> None:
    family = FAMILIES["llava"].load(str(folders[kind]), None, engine.DTYPES[dtype], "cuda", None, "true", NoOptions())
    prompt = self_check.probe(family)
    assert prompt.images
    deviation, allowed = self_check.compare(family, prompt)
    assert deviation <= allowed


# What a text model's forward may do besides its layers: (family, monkeypatch) makes it do so.
Deviate = Callable[[Family, pytest.MonkeyPatch], None]


def around(module: nn.Module, monkeypatch: pytest.MonkeyPatch, change: Callable[..., Any]) -> None:
    """Replace `module.forward` by `change(forward, *arguments)`."""
    own = module.forward
    monkeypatch.setattr(module, "forward", lambda *args, **kwargs: change(own, *args, **kwargs))


def embedding_multiplier(by: float) -> Deviate:
    def multiplied(own: Any, *args: Any, inputs_embeds: Tensor, **kwargs: Any) -> Any:
        return own(*args, inputs_embeds=inputs_embeds * by, **kwargs)

    return lambda family, monkeypatch: around(family.text_model, monkeypatch, multiplied)


def logits(change: Callable[[Tensor], Tensor]) -> Deviate:
    def changed(own: Any, *args: Any, **kwargs: Any) -> Any:
        output = own(*args, **kwargs)
        output.logits = change(output.logits)
        return output

    return lambda family, monkeypatch: around(family.model, monkeypatch, changed)


def residual_multiplier(by: float) -> Deviate:
    def multiplied(own: Any, *args: Any, layers: nn.ModuleList, **kwargs: Any) -> Any:
        hooks = [
            layer.register_forward_hook(lambda _, given, out: given[0] + by * (out - given[0])) for layer in layers
        ]
        try:
            return own(*args, **kwargs)
        finally:
            for hook in hooks:
                hook.remove()

    def deviate(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        layers = family.text_model.layers
        around(family.text_model, monkeypatch, lambda own, *a, **k: multiplied(own, *a, layers=layers, **k))

    return deviate


def other_positions(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """Double all positions, as a rope of another scale does."""
    rotary = family.text_model.rotary_emb

    def doubled(own: Any, *args: Any, **kwargs: Any) -> Any:
        with pytest.MonkeyPatch.context() as inside:
            around(rotary, inside, lambda rope, hidden, position_ids: rope(hidden, 2 * position_ids))
            return own(*args, **kwargs)

    around(family.text_model, monkeypatch, doubled)


def skipped_layer(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore what layer 2 adds, on our path only."""
    run, layer = Decoder.run, family.text_model.layers[2]

    def skipping(*args: Any, **kwargs: Any) -> Tensor:
        with pytest.MonkeyPatch.context() as inside:
            around(layer, inside, lambda own, hidden, **kwargs: (own(hidden, **kwargs), hidden)[1])
            return run(*args, **kwargs)

    monkeypatch.setattr(Decoder, "run", skipping)


DEVIATIONS: dict[str, Deviate] = {
    "embeddings x 12": embedding_multiplier(12),
    "embeddings x 1.25": embedding_multiplier(1.25),
    "logits x 0.9": logits(lambda values: values * 0.9),
    "logits capped": logits(lambda values: 5 * (values / 5).tanh()),
    "residuals x 0.22": residual_multiplier(0.22),
    "residuals x 0.9": residual_multiplier(0.9),
    "other positions": other_positions,
    "layer skipped here": skipped_layer,
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deviate", DEVIATIONS.values(), ids=DEVIATIONS)
def test_what_deviates_is_refused(
    fresh: Callable[[str, str], Family], kind: str, dtype: str, deviate: Deviate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for prompt in (self_check.probe, with_image):
        family = fresh(kind, dtype)
        with monkeypatch.context() as patched:
            deviate(family, patched)
            with pytest.raises(self_check.Deviation, match="more than its layers"):
                self_check.compare(family, prompt(family))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_that_rounds_badly_may_not_hide_a_logit_scale(
    folders: dict[str, Path], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its logits move by 30% in another order of sums and differ by 10% from ours."""
    family = load(folders["llama"], dtype)
    stock = self_check.stock_logits

    def badly_rounded(family: Family, prompt: Any, cut: int) -> Tensor:
        return stock(family, prompt, cut) * (0.9 if cut else 0.7)

    monkeypatch.setattr(self_check, "stock_logits", badly_rounded)
    with pytest.raises(self_check.Deviation, match="more than its layers"):
        self_check.compare(family, with_image(family))


@pytest.fixture
def granite(tmp_path: Path) -> Path:
    """A real text model of this kind; its residual multiplier is inside its layers, so our path applies it."""
    folder = tiny.save(tmp_path / "granite", "granite")
    set_text(folder, residual_multiplier=0.22, embedding_multiplier=1.0)
    return folder


def set_text(folder: Path, **values: Any) -> None:
    stored = json.loads((folder / "config.json").read_text())
    stored["text_config"] |= values
    (folder / "config.json").write_text(json.dumps(stored))


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    number = logger.add(lambda line: lines.append(str(line)), format="{level} {message}")
    yield lines
    logger.remove(number)


def test_granite_is_taken_until_its_forward_does_more_than_its_layers(granite: Path, said: list[str]) -> None:
    build("llava", "plain", pretrained=str(granite), dtype="float32").close()
    assert [line for line in said if "load check: our logits differ by 0.0e+00" in line]
    set_text(granite, embedding_multiplier=12.0)
    with pytest.raises(CheckpointError, match=r"load check: .* are [.\d]+ apart .* explains only 0.0001 ") as refused:
        build("llava", "plain", pretrained=str(granite), dtype="float32")
    assert str(granite) in str(refused.value)
    assert "self_check=false" in str(refused.value)


def test_unchecked_is_said_recorded_and_no_reason_to_ask_again(granite: Path, said: list[str]) -> None:
    checked = build("llava", "plain", pretrained=str(granite))
    assert [record.error for _, record in checked.answer([good("one")])] == [None]
    checked.close()
    unchecked = build("llava", "plain", pretrained=str(granite), self_check=False)
    assert unchecked.journal.folder == checked.journal.folder
    list(unchecked.answer([good("one")]))
    assert unchecked.counts.from_journal == 1
    unchecked.close()
    assert [one.journal.provenance["settings"]["self_check"] for one in (checked, unchecked)] == [True, False]
    assert [line for line in said if line.startswith("WARNING self_check=false")]
    set_text(granite, embedding_multiplier=12.0)
    build("llava", "plain", pretrained=str(granite), self_check=False).close()


def test_weights_loaded_once_are_checked_once(granite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(engine, "self_check", lambda family, pretrained: checked.append(pretrained))
    arguments = {"pretrained": str(granite)}
    with engine.together([("pai", arguments)], ["plain", "pai"]):
        for method in ("plain", "pai"):
            build("llava", method, **arguments).close()
    assert checked == [str(granite)]


def test_placed_by_accelerate(folders: dict[str, Path]) -> None:
    build("llava", "plain", pretrained=str(folders["qwen2"]), device_map="auto", device="cpu").close()


def test_logits_that_are_not_finite(folders: dict[str, Path]) -> None:
    family = load(folders["qwen2"])
    family.lm_head.weight[3] = torch.nan
    with pytest.raises(CheckpointError, match="own forward pass are not finite"):
        self_check.self_check(family, "p")


def test_a_prefix_that_depends_on_what_follows(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that reads its prompt in both directions gives other logits after a cached prefix."""
    family = load(folders["qwen2"])
    around(
        family.text_model,
        monkeypatch,
        lambda own, *args, inputs_embeds, **kwargs: own(
            *args, inputs_embeds=inputs_embeds + inputs_embeds.mean(1, keepdim=True) * 9, **kwargs
        ),
    )
    with pytest.raises(self_check.Deviation, match="after a cached prefix"):
        self_check.compare(family, with_image(family))


def test_a_text_model_that_our_path_cannot_run(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    family = load(folders["llama"])
    for layer in family.text_model.layers:
        around(layer, monkeypatch, lambda own, hidden, **kwargs: own(hidden, position_embeddings=kwargs["cosines"]))
    with pytest.raises(CheckpointError, match="load check: KeyError"):
        self_check.self_check(family, "p")
