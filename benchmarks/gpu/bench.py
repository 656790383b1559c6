"""What all sections share: the checkpoint, the questions, and the models, each loaded at its first use."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks import heads
from benchmarks.checkpoint import Size
from benchmarks.contest import Round
from benchmarks.generate import Generate
from benchmarks.llava_hf import LlavaHf
from benchmarks.ours import Ours
from benchmarks.questions import Asked
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.batch_limit import BatchSize
from lmms_vg.inference.build import build
from lmms_vg.inference.settings import Settings
from lmms_vg.methods import METHODS, Method
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape

#: Questions at once in the `generate` loop: two batches for the 56 questions of a round.
LOOP_BATCH = 28
#: Batch size where the installed lmms_vg refuses the one that was asked for.
FALLBACK = 8
NEW_TOKENS = 4


@dataclass(frozen=True)
class Batching:
    """A value of `batch_size` in --model_args, and what lmms_vg makes of it."""

    given: str
    size: BatchSize

    def __str__(self) -> str:
        return self.given if self.given == str(self.size) else f"{self.given} ({self.size})"


@dataclass
class Bench:
    """The checkpoint and who answers with it.

    Attributes:
        folder: the checkpoint.
        size: its proportions.
        images: images with equally many questions each.
        device: cuda or cpu.
        dtype: of the speed sections.
        at_once: images per round.
        given: values of `batch_size`.
        judged: whether the model is large enough for marks to mean anything.
        notes: what was not as asked for.
    """

    folder: Path
    size: Size
    images: Sequence[Asked]
    device: str
    dtype: torch.dtype
    at_once: int
    given: Sequence[str]
    judged: bool
    notes: list[str] = field(default_factory=list)

    @property
    def per_image(self) -> int:
        """Questions per image."""
        return len(self.images[0].questions)

    @property
    def dtype_name(self) -> str:
        """As in --model_args."""
        return str(self.dtype).removeprefix("torch.")

    @cached_property
    def config(self) -> dict[str, Any]:
        """The checkpoint's config.json."""
        content: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        return content

    @cached_property
    def stock(self) -> LlavaHf:
        """lmms-eval's wrapper, whose model is the stock one."""
        return LlavaHf(self.folder, self.dtype_name, NEW_TOKENS, self.device)

    @cached_property
    def loop(self) -> Generate:
        """The `generate` loop on the wrapper's model."""
        return Generate(self.stock.model.model, self.stock.model._image_processor, LOOP_BATCH, NEW_TOKENS)

    @cached_property
    def batchings(self) -> list[Batching]:
        """The batch sizes, by `build`: each as lmms_vg would run it."""
        return [self._batching(given) for given in self.given]

    @property
    def last(self) -> Batching:
        """The last batch size."""
        return self.batchings[-1]

    def _batching(self, given: str) -> Batching:
        value = int(given) if given.isdigit() else given
        try:
            Settings(batch_size=value)  # type: ignore[arg-type]
        except ValueError as problem:
            self.notes.append(f"batch_size={given}: refused here ({problem}); {FALLBACK} stands for it")
            value = FALLBACK
        return Batching(given, self._built(value).batch_size)

    def _built(self, batch_size: int | str) -> Answerer:
        where: dict[str, Any] = {"pretrained": str(self.folder), "dtype": self.dtype_name, "device": self.device}
        # Random weights are the load check's worst case; a section of its own says what it finds (`precision`).
        return build("llava", "plain", **where, batch_size=batch_size, self_check=False)

    @cached_property
    def family(self) -> Family:
        """Our model; inside `together`, `build` loads it once."""
        return self._built(1).family

    @cached_property
    def vgrefine(self) -> VGRefine:
        """VGRefine with as many heads, and in layers in proportion to, the paper's for HuatuoGPT-Vision-7B."""
        chosen, layer = heads.in_proportion(self.size.layers, self.size.heads)
        return VGRefine(heads=chosen, layers=(layer,), k=len(chosen))

    def method(self, name: str) -> Method:
        """A method with its defaults for this checkpoint; those that have heads and layers get VGRefine's."""
        shape = Shape(str(self.folder), self.size.layers, self.size.heads, {})
        refined = self.vgrefine
        given = {
            "heads": "+".join(f"{layer}-{head}" for layer, head in refined.heads),
            "layers": "+".join(map(str, refined.layers)),
            "k": refined.k,
        }
        options = METHODS[name].options()
        takes: dict[str, Any] = given if "heads" in options else {}
        if not self.judged:  # a tiny model has fewer layers than the defaults name
            takes = takes | {"start": 1, "end": self.size.layers}
        return METHODS[name].for_checkpoint(shape, **{key: value for key, value in takes.items() if key in options})

    def ours(self, *methods: str, batch: Batching, align: bool = False) -> Ours:
        """Our path with these methods together."""
        return Ours(self.family, [self.method(name) for name in methods], NEW_TOKENS, batch.size, align)

    def rounds(self, count: int, at_once: int | None = None) -> list[Round]:
        """Rounds of different images, from the first on; fewer if there are not enough images."""
        step = at_once or self.at_once
        return [self.images[start : start + step] for start in range(0, len(self.images), step)][:count]

    def synchronize(self) -> None:
        """Wait until the device has done what was asked of it."""
        if self.device != "cpu":
            torch.cuda.synchronize()

    def seconds(self, run: Callable[[], object]) -> float:
        """The shortest of three times, after a first run that does not count; of a tiny model the only time."""
        run()
        taken = []
        for _ in range(3 if self.judged else 1):
            self.synchronize()
            started = time.perf_counter()
            run()
            self.synchronize()
            taken.append(time.perf_counter() - started)
        return min(taken)

    def drop_stock(self) -> None:
        """Give the stock model's memory back."""
        for name in ("loop", "stock"):
            self.__dict__.pop(name, None)

    def log(self, text: str) -> None:
        """Say on stderr what is going on."""
        print(text, file=sys.stderr, flush=True)
