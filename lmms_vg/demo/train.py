"""Train the demo model on phantoms, on the CPU, in two stages: first the vision tower, then the text model.

On one machine, a seed and a number of threads give one model. Another number of threads adds floating-point numbers in
another order and gives another, equally good model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from lmms_vg.demo import checkpoint
from lmms_vg.demo.model import (
    GRID,
    PATCH,
    REFERENCE,
    REFERENCE_ANSWER,
    TAIL,
    TEMPLATES,
    build_model,
    build_tokenizer,
    save,
)
from lmms_vg.demo.phantoms import BRIGHTNESSES, KINDS, SIZES, TRAIN_SEED_START, Phantom, Split, make_phantom, questions

#: File in the output folder that holds the state of an unfinished run; removed when the run is complete.
CHECKPOINT = "checkpoint.safetensors"

QUESTIONS_PER_IMAGE = 8

_VISION_BATCH, _TEXT_BATCH = 64, 32
_VISION_RATE, _TEXT_RATE = 2e-3, 1e-3
_CLASSES = 1 + len(KINDS) * len(SIZES) * len(BRIGHTNESSES)
_IGNORED = -100


def train(
    out: Path,
    seed: int = 0,
    *,
    vision_steps: int = 800,
    text_steps: int = 1800,
    checkpoint_every: int = 100,
    on_step: Callable[[int, float], None] | None = None,
) -> Path:
    """Train the model of a seed, save it and return `out`; an interrupted run resumes from its last checkpoint.

    Args:
        out: output folder.
        seed: of the weights and of the training data.
        vision_steps: number of steps that train the vision tower.
        text_steps: number of steps that train the projector and the text model, after those.
        checkpoint_every: number of steps between checkpoints.
        on_step: called after every step with the number of steps done and the step's loss.

    Raises:
        ValueError: the checkpoint in `out` belongs to a run with other settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / CHECKPOINT
    recipe = {"seed": seed, "vision_steps": vision_steps, "text_steps": text_steps}
    tokenizer = build_tokenizer()
    model = build_model(tokenizer, seed).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(model.config.vision_config.hidden_size, _CLASSES + GRID**2)
    trainee = nn.ModuleDict({"model": model, "head": head})
    seeing = [*model.model.vision_tower.parameters(), *head.parameters()]
    answering = [*model.model.multi_modal_projector.parameters(), *model.model.language_model.parameters()]
    optimizers = {
        "vision": torch.optim.AdamW(seeing, betas=(0.9, 0.98)),
        "text": torch.optim.AdamW([*answering, *model.lm_head.parameters()], betas=(0.9, 0.98)),
    }
    done = checkpoint.load(unfinished, trainee, optimizers, recipe) if unfinished.exists() else 0

    total = vision_steps + text_steps
    with tqdm(total=total, initial=done, desc="demo", unit="step") as bar:
        for step in range(done, total):
            rng = np.random.default_rng([seed, step])  # one generator per step, so that resuming needs no random state
            if step < vision_steps:
                optimizer, rate = optimizers["vision"], _VISION_RATE * _one_cycle(step / vision_steps)
                loss = _vision_loss(model, head, _training_phantoms(step, _VISION_BATCH))
            else:
                # The vision tower is trained by now and stays fixed.
                model.model.vision_tower.requires_grad_(False)
                optimizer, rate = optimizers["text"], _TEXT_RATE * _one_cycle((step - vision_steps) / text_steps)
                loss = _text_loss(model, tokenizer, _training_phantoms(step, _TEXT_BATCH), rng)
            _descend(loss, optimizer, rate)
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            if (step + 1) % checkpoint_every == 0 and step + 1 < total:
                checkpoint.save(unfinished, trainee, optimizers, recipe, step + 1)
            if on_step:
                on_step(step + 1, loss.item())
    save(model.eval(), tokenizer, out)
    unfinished.unlink(missing_ok=True)
    return out


@torch.inference_mode()
def accuracy(
    model: LlavaForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    template: str,
    split: Split = "standard",
    count: int = 300,
) -> float:
    """Fraction, 0 to 1, of the questions of `count` held-out phantoms whose first answer token is right."""
    right = total = 0
    for seed in range(count):
        phantom = make_phantom(seed, split)
        turns = [(question.text, question.answer) for question in questions(phantom)]
        logits, targets = _answers(model, tokenizer, template, [phantom], [turns])
        first = _first_of_each_run(targets != _IGNORED)
        right += int((logits.argmax(-1) == targets)[first].sum())
        total += len(turns)
    return right / total


def pixels(phantoms: list[Phantom]) -> Tensor:
    """Pixel values as the image processor gives them, computed faster: (images, 3, 64, 64), -1 to 1."""
    images = torch.from_numpy(np.stack([np.asarray(phantom.image) for phantom in phantoms]))
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def patch_labels(phantom: Phantom) -> Tensor:
    """Class of each patch, (64,): 0 is background, else 1 + index of the (kind, size, brightness) that fills most of it."""
    labels, most = np.zeros((GRID, GRID), dtype=np.int64), np.full((GRID, GRID), 0.05)
    for finding in phantom.findings:
        share = finding.mask.reshape(GRID, PATCH, GRID, PATCH).mean(axis=(1, 3))
        size, brightness = SIZES.index(finding.size), BRIGHTNESSES.index(finding.brightness)
        labels[share > most] = 1 + 4 * KINDS.index(finding.kind) + 2 * size + brightness
        most = np.maximum(most, share)
    return torch.from_numpy(labels.ravel())


def training_seeds(step: int, batch: int) -> range:
    """Seeds of the phantoms of a step: no image is used twice, and no held-out one."""
    start = TRAIN_SEED_START + step * max(_VISION_BATCH, _TEXT_BATCH)
    return range(start, start + batch)


def _training_phantoms(step: int, batch: int) -> list[Phantom]:
    return [make_phantom(seed) for seed in training_seeds(step, batch)]


def _vision_loss(model: LlavaForConditionalGeneration, head: nn.Linear, phantoms: list[Phantom]) -> Tensor:
    """Cross-entropy of the class and, weighted by 0.1, of the position of each patch."""
    patches = model.model.vision_tower(pixels(phantoms)).last_hidden_state[:, 1:]
    shown, place = head(patches).flatten(0, 1).split([_CLASSES, GRID**2], dim=-1)
    weight = torch.ones(_CLASSES)
    weight[0] = 0.1  # most patches are background
    naming = F.cross_entropy(shown, torch.cat([patch_labels(phantom) for phantom in phantoms]), weight)
    # Without positions the features hardly encode their place, and the text model learns locations slowly.
    return naming + 0.1 * F.cross_entropy(place, torch.arange(GRID**2).repeat(len(phantoms)))


def _text_loss(
    model: LlavaForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    phantoms: list[Phantom],
    rng: np.random.Generator,
) -> Tensor:
    """Cross-entropy of the answers to the reference prompt and to a few questions about each image."""
    template = list(TEMPLATES)[rng.integers(len(TEMPLATES))]
    turns = []
    for phantom in phantoms:
        pool = questions(phantom)
        chosen = rng.permutation(len(pool))[: QUESTIONS_PER_IMAGE - 1]
        turns.append([(REFERENCE, REFERENCE_ANSWER)] + [(pool[i].text, pool[i].answer) for i in chosen])
    logits, targets = _answers(model, tokenizer, template, phantoms, turns)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=_IGNORED)


def _answers(
    model: LlavaForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    template: str,
    phantoms: list[Phantom],
    turns: list[list[tuple[str, str]]],
) -> tuple[Tensor, Tensor]:
    """Logits (images, tokens, words) and targets (images, tokens) of question-answer turns, equally many per image.

    Turns about an image share its tokens and do not attend to each other, as if each were asked alone: the attention mask
    separates them, and the positions of each start behind the image.
    """
    head, _, tail = TEMPLATES[template].partition("<image>")
    prefix = [*_encode(tokenizer, head), *[model.config.image_token_id] * GRID**2]
    rows = [[_turn(tokenizer, tail, *turn) for turn in row] for row in turns]
    width = max(len(tokens) for row in rows for tokens, _ in row)
    ids = torch.full((len(rows), len(rows[0]), width), tokenizer.pad_token_id)
    targets = torch.full_like(ids, _IGNORED)
    for i, row in enumerate(rows):
        for j, (tokens, prompt) in enumerate(row):
            ids[i, j, : len(tokens)] = torch.tensor(tokens)
            targets[i, j, prompt - 1 : len(tokens) - 1] = torch.tensor(tokens[prompt:])

    start, branches = len(prefix), len(rows[0])
    branch = torch.cat([torch.zeros(start), torch.arange(1, branches + 1).repeat_interleave(width)])
    position = torch.cat([torch.arange(start), torch.arange(start, start + width).repeat(branches)])
    order = torch.arange(len(branch))
    sees = (order[:, None] >= order) & ((branch[:, None] == branch) | (branch == 0))
    logits = model(
        input_ids=torch.cat([torch.tensor(prefix).expand(len(rows), -1), ids.flatten(1)], dim=1),
        pixel_values=pixels(phantoms),
        attention_mask=sees.expand(len(rows), 1, -1, -1),
        position_ids=position.expand(len(rows), -1),
        use_cache=False,
    ).logits
    return logits[:, start:], targets.flatten(1)


def _turn(tokenizer: PreTrainedTokenizerFast, tail: str, question: str, answer: str) -> tuple[list[int], int]:
    """Tokens behind the image (prompt, answer, end token), and the number of prompt tokens among them."""
    prompt = _encode(tokenizer, tail.format(text=f"{question} {TAIL}"))
    return [*prompt, *_encode(tokenizer, answer), tokenizer.eos_token_id], len(prompt)


@cache
def _encode(tokenizer: PreTrainedTokenizerFast, text: str) -> tuple[int, ...]:
    return tuple(tokenizer.encode(text, add_special_tokens=False))


def _first_of_each_run(marked: Tensor) -> Tensor:
    """Keep only the first mark of each run of marks along the last axis."""
    before = F.pad(marked[..., :-1], (1, 0))
    return marked & ~before


def _one_cycle(progress: float) -> float:
    """Share of the peak learning rate at a fraction of the run: a linear rise, then a cosine decay."""
    rise = 0.1
    return progress / rise if progress < rise else (1 + math.cos(math.pi * (progress - rise) / (1 - rise))) / 2


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Make one optimizer step at a learning rate, with gradients clipped to norm 1."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    (group,) = optimizer.param_groups
    nn.utils.clip_grad_norm_(group["params"], 1.0)
    group["lr"] = rate
    optimizer.step()
