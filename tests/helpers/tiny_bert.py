"""A BERT with random weights for BERTScore, saved as on the hub."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertForPreTraining, BertTokenizerFast

FRAME = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "left",
    "right",
    "lung",
    "heart",
    "liver",
    "the",
    "in",
    "chest",
    "pleural",
    "effusion",
    "normal",
    "no",
    "yes",
    ".",
]
VOCABULARY = {word: number for number, word in enumerate(FRAME + WORDS)}
LENGTH, LAYERS = 32, 3


def save(folder: Path, **tokenizer_settings: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=32,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=LENGTH,
            initializer_range=0.3,  # at the usual 0.02 all words of a random model look alike
        )
        BertForPreTraining(config).save_pretrained(folder)  # with heads nobody needs, like the real one
    BertTokenizerFast(vocab=VOCABULARY, **tokenizer_settings).save_pretrained(folder)
