"""Tokenizers: control marks, `<image>`, and files that cannot be read here."""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
from checkpoints import edit, edited, load, original_layout
from tokenizers.models import BPE
from tokenizers.normalizers import Sequence
from tokenizers.pre_tokenizers import ByteLevel, Metaspace
from transformers import AutoTokenizer

from lmms_vg.models import tokenizer as loading
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.huatuo import Huatuo
from lmms_vg.models.prompts import IMAGE
from lmms_vg.vision.images import open_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


def with_tokens(folder: Path, out: Path, special: bool) -> Path:
    shutil.copytree(folder, out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    tokenizer.add_tokens(["effusion"], special_tokens=special)
    tokenizer.save_pretrained(out)
    return out


@pytest.mark.parametrize("name", ["llava", "huatuo"])
@pytest.mark.parametrize(("special", "question"), [(False, "Is an effusion left?"), (True, "Is an e ffusion left?")])
def test_only_special_tokens_are_control_marks(
    folder: Path, tmp_path: Path, name: str, special: bool, question: str
) -> None:
    """A word that somebody added to the vocabulary is a word, so it is not broken in two."""
    family = load(name, with_tokens(folder, tmp_path / "c", special))
    prompt = family.prompt([open_picture(tiny.picture()), "Is an effusion left?"])
    assert question in prompt.text
    word = family.tokenizer.convert_tokens_to_ids("effusion")
    assert prompt.input_ids.tolist().count(word) == (0 if special else 1)


def test_special_tokens_belong_to_the_identity(folder: Path, tmp_path: Path) -> None:
    identities = [load("llava", with_tokens(folder, tmp_path / str(i), bool(i))).identity() for i in (0, 1)]
    assert identities[0]["prompt"] != identities[1]["prompt"]


def test_a_tokenizer_that_splits_the_image_mark_is_refused_before_the_weights(folder: Path, tmp_path: Path) -> None:
    copy = edited(folder, tmp_path / "c", "tokenizer_config.json", {"split_special_tokens": True})
    (copy / "model.safetensors").write_bytes(b"never read")
    with pytest.raises(CheckpointError, match="split_special_tokens=True"):
        load("llava", copy)


def test_a_tokenizer_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    """Its ids exceed the embedding table: some questions would fail, or the device would."""
    shutil.copytree(folder, tmp_path / "c")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"word{i}" for i in range(9)])  # the table has 8 spare rows
    tokenizer.save_pretrained(tmp_path / "c")
    with pytest.raises(CheckpointError, match=r"'word8' of id \d+, and the model embeds \d+ tokens"):
        load("llava", tmp_path / "c")


@pytest.mark.parametrize("original", [False, True])
def test_a_tokenizer_model_that_cannot_be_read_names_the_remedy(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, original: bool
) -> None:
    """sentencepiece 0.2.2 needs protobuf 7.36; without it transformers takes the file for tiktoken's and calls it broken."""
    copy = tmp_path / "hf"
    shutil.copytree(folder, copy)
    if original:
        copy = original_layout(folder, tmp_path / "old", "qwen2")
    (copy / "tokenizer.json").rename(copy / "tokenizer.model")
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')

    def broken(*_: object, **__: object) -> None:
        raise ValueError(r"Error parsing line b'\x0e' in tokenizer.model")

    monkeypatch.setattr(loading.AutoTokenizer, "from_pretrained", broken)
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    monkeypatch.setattr("lmms_vg.models.huatuo.has_role_words", lambda *_: True)
    with pytest.raises(CheckpointError, match=r'Error parsing line .*pip install "sentencepiece<0\.2\.2"'):
        load("huatuo", copy)


#: SentencePiece puts its mark of a space before the first word of every piece of text.
SPLIT = ["\u2581the", "\u2581left", "\u2581lung", IMAGE, "\u2581the", "\u2581left"]


@pytest.fixture
def pieces_alone(folder: Path, tmp_path: Path) -> Path:
    """As LLaVA-Med has it: sentencepiece's own file, and no tokenizer.json."""
    from sentencepiece import SentencePieceTrainer

    text = [f"the left lung and the right lung, number  {number}" for number in range(50)]
    SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_prefix=str(tmp_path / "tokenizer"),
        vocab_size=316,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
    )
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))
    return tmp_path


def test_a_tokenizer_model_alone_is_read(pieces_alone: Path) -> None:
    tokenizer = loading.load_tokenizer(str(pieces_alone), None, tiny.config("llama"))
    ids = tokenizer("the left lung<image>the left", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == SPLIT


@pytest.mark.parametrize(("classes_that_forget", "mended"), [(1, True), (2, True), (2, False)])
def test_the_space_before_the_first_word_is_not_lost(
    pieces_alone: Path, monkeypatch: pytest.MonkeyPatch, classes_that_forget: int, mended: bool
) -> None:
    """transformers 5.20 loses it in the class that it takes for LLaVA; here the other class does, too."""

    def forgetful(read: Any, *place: Any, **settings: Any) -> Any:
        tokenizer = read(*place, **settings)
        tokenizer.backend_tokenizer.pre_tokenizer = Metaspace(prepend_scheme="never", split=False)
        tokenizer.backend_tokenizer.normalizer = Sequence([])
        return tokenizer

    for kind in (loading.AutoTokenizer, loading.LlamaTokenizer)[:classes_that_forget]:
        monkeypatch.setattr(kind, "from_pretrained", partial(forgetful, kind.from_pretrained))
    if not mended:
        monkeypatch.setattr(loading, "_follow_sentencepiece", lambda *_: None)
        with pytest.raises(CheckpointError, match=r"splits words otherwise .* tokenizer\.json"):
            loading.load_tokenizer(str(pieces_alone), None, tiny.config("llama"))
        return
    tokenizer = loading.load_tokenizer(str(pieces_alone), None, tiny.config("llama"))
    ids = tokenizer("the left lung<image>the left", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == SPLIT


@pytest.mark.parametrize("remove", [False, True])
@pytest.mark.parametrize("prefix", [False, True])
def test_spaces_are_treated_as_the_file_states(pieces_alone: Path, remove: bool, prefix: bool) -> None:
    from sentencepiece import SentencePieceProcessor
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    file = pieces_alone / "tokenizer.model"
    model = ModelProto.FromString(file.read_bytes())
    model.normalizer_spec.remove_extra_whitespaces, model.normalizer_spec.add_dummy_prefix = remove, prefix
    file.write_bytes(model.SerializeToString())
    tokenizer = loading.LlamaTokenizer.from_pretrained(str(pieces_alone), legacy=True)
    loading._follow_sentencepiece(tokenizer, file)
    trained = SentencePieceProcessor(model_file=str(file))
    for text in (" the left  lung,\n 3.5   cm ", "the lung", "", "   ", "right"):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == trained.encode(text), text


def test_spaces_are_merged_by_their_score_and_not_by_their_number(
    pieces_alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Mistral's vocabulary a run of spaces has a low number and the worst score; transformers 5.20 merges by number."""
    from sentencepiece import SentencePieceProcessor
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    file = pieces_alone / "tokenizer.model"
    model = ModelProto.FromString(file.read_bytes())
    (run,) = (piece for piece in model.pieces if piece.piece == "\u2581\u2581")
    run.score = -1e6
    file.write_bytes(model.SerializeToString())

    def by_number(read: Any, *place: Any, **settings: Any) -> Any:
        tokenizer = read(*place, **settings)
        backend = tokenizer.backend_tokenizer
        state = json.loads(backend.to_str())["model"]
        number = state["vocab"]
        merges = sorted(map(tuple, state["merges"]), key=lambda pair: number["".join(pair)])
        backend.model = BPE(vocab=number, merges=merges, byte_fallback=True)
        return tokenizer

    for kind in (loading.AutoTokenizer, loading.LlamaTokenizer):
        monkeypatch.setattr(kind, "from_pretrained", partial(by_number, kind.from_pretrained))
    tokenizer = loading.load_tokenizer(str(pieces_alone), None, tiny.config("llama"))
    trained = SentencePieceProcessor(model_file=str(file))
    for text in ("the left  lung", " the left", "left   lung  9", "number  12"):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == trained.encode(text)


def test_another_fault_of_the_tokenizer_is_not_put_down_to_sentencepiece(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "c")
    (tmp_path / "c" / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Nonsense"}}')
    with pytest.raises(CheckpointError, match="tokenizer cannot be loaded") as caught:
        load("llava", tmp_path / "c")
    assert "sentencepiece" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["tokenizer.json"], "llava"),
        (["tokenizer.model"], "llava"),  # the text model's class would put a space after <image>
        (["vocab.json", "merges.txt"], "qwen2"),  # only the text model's class reads these
    ],
)
def test_whose_class_reads_which_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], kind: str
) -> None:
    copy = original_layout(folder, tmp_path / "old", "qwen2")
    stored = AutoTokenizer.from_pretrained(folder)
    (copy / "tokenizer.json").rename(copy / files[0])
    for file in files[1:]:
        (copy / file).touch()
    types: list[str] = []

    def from_pretrained(place: str, **values: Any) -> object:
        types.append(values["config"].model_type)
        return stored

    monkeypatch.setattr(loading.AutoTokenizer, "from_pretrained", from_pretrained)
    monkeypatch.setattr(loading, "_as_sentencepiece", lambda *_: True)  # the file has other bytes
    monkeypatch.setattr("lmms_vg.models.huatuo.has_role_words", lambda *_: True)
    load("huatuo", copy)
    assert types == [kind]


def test_vocabulary_and_merges_alone_are_read(tmp_path: Path) -> None:
    """Repositories of Qwen2's time have such files; here the words of the question become bytes."""
    copy = original_layout(tiny.save(tmp_path / "hf", "qwen2"), tmp_path / "old", "qwen2")
    (copy / "tokenizer.json").unlink()
    vocabulary = [*sorted(ByteLevel.alphabet()), "<|endoftext|>"]
    edit(copy, "vocab.json", {token: i for i, token in enumerate(vocabulary[:60])})
    (copy / "merges.txt").write_text("#version: 0.2\n")
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>"}')
    config = Huatuo._config(str(copy), None, json.loads((copy / "config.json").read_text()))[0]
    tokenizer = loading.load_tokenizer(str(copy), None, config)
    assert tokenizer.convert_ids_to_tokens(tokenizer("AB<image>")["input_ids"]) == ["A", "B", "<image>"]
