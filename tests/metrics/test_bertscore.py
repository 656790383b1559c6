"""BERTScore on a tiny random BERT: against bert-score called directly, and against its formula by hand."""

from __future__ import annotations

import csv
import logging
import random
import warnings
from collections.abc import Callable
from importlib.metadata import version
from logging.handlers import BufferingHandler
from pathlib import Path

import bert_score
import pytest
import tiny_bert
import torch
from safetensors.torch import load_file
from tiny_bert import LAYERS, LENGTH, WORDS
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from lmms_vg.metrics import bertscore as module
from lmms_vg.metrics.bertscore import BertScoreUnavailable, bertscore, check, signature
from lmms_vg.metrics.bertscore_settings import BertScoreSettings

Make = Callable[..., str]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    def save(name: str, **tokenizer_settings: int) -> str:
        folder = tmp_path_factory.mktemp("berts") / name
        tiny_bert.save(folder, **tokenizer_settings)
        assert (folder / "model.safetensors").is_file()
        return str(folder)

    return save


@pytest.fixture(scope="module")
def model(make: Make) -> str:
    return make("tiny", model_max_length=LENGTH)


@pytest.fixture(scope="module")
def unbounded(make: Make) -> str:
    return make("unbounded")


@pytest.fixture(scope="module")
def pairs() -> tuple[list[str], list[str]]:
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 9))) for _ in range(80)]
    return texts[:40], texts[40:]


@pytest.fixture(autouse=True)
def default_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMMS_VG_BERTSCORE", raising=False)
    module._scorer.cache_clear()
    module._cases.clear()


def near(values: list[float]) -> object:
    return pytest.approx(values, abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("idf", [False, True])
def test_equals_the_library(model: str, unbounded: str, pairs: tuple[list[str], list[str]], idf: bool) -> None:
    answers, references = pairs
    direct = bert_score.BERTScorer(
        model_type=model, num_layers=2, idf=idf, idf_sents=references, nthreads=0, device="cpu"
    )
    expected = direct.score(answers, references)[2].tolist()
    assert bertscore(answers, references, BertScoreSettings(model, 2, idf=idf), device="cpu") == near(expected)
    assert bertscore(answers, references, BertScoreSettings(unbounded, 2, idf=idf)) == near(expected)
    assert max(expected) - min(expected) > 0.1
    assert bertscore(answers, references, BertScoreSettings(model, 2, idf=not idf)) != near(expected)
    assert bertscore(answers, references, BertScoreSettings(model, 3, idf=idf)) != near(expected)


@pytest.mark.slow
def test_equals_the_formula(model: str) -> None:
    """F1 of each word's best cosine, averaged over answer (precision) and reference (recall) without special tokens."""
    answer, reference = "pleural effusion in the chest", "the right pleural effusion"
    tokenizer, bert = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    vectors = []
    for text in (answer, reference):
        with torch.no_grad():
            states = bert(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[LAYERS][0]
        vectors.append(torch.nn.functional.normalize(states, dim=-1))
    cosines = vectors[0] @ vectors[1].T  # special tokens may be matched, but do not count in the average
    precision, recall = cosines.amax(1)[1:-1].mean(), cosines.amax(0)[1:-1].mean()
    expected = float(2 * precision * recall / (precision + recall))
    assert bertscore([answer], [reference], BertScoreSettings(model, LAYERS)) == near([expected])


def test_rescaling_by_the_librarys_baseline(make: Make, pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of this name in the working directory replaces the hub's model; the library has a baseline for the name."""
    folder = Path(make("bert-base-uncased", model_max_length=LENGTH))
    monkeypatch.chdir(folder.parent)
    baselines = Path(bert_score.__file__).parent / "rescale_baseline" / "en" / "bert-base-uncased.tsv"
    rows = list(csv.DictReader(baselines.open()))
    assert rows[2]["LAYER"] == "2"
    baseline = float(rows[2]["F"])
    plain = bertscore(*pairs, BertScoreSettings("bert-base-uncased", 2))
    rescaled = bertscore(*pairs, BertScoreSettings("bert-base-uncased", 2, rescale=True))
    assert rescaled == pytest.approx([(score - baseline) / (1 - baseline) for score in plain], abs=1e-5)
    assert bertscore([""], ["lung"], BertScoreSettings("bert-base-uncased", 2, rescale=True)) == [0]


def test_rescaling_without_a_baseline_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match=r"no English baseline for .*tiny.*rescale=false"):
        bertscore(["lung"], ["lung"], BertScoreSettings(model, 2, rescale=True))


@pytest.mark.slow
def test_neither_order_nor_batches_nor_company_matter(model: str, pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, references = pairs
    settings = BertScoreSettings(model, LAYERS)
    scores = bertscore(answers, references, settings)
    assert bertscore(answers[::-1], references[::-1], settings) == near(scores[::-1])
    assert bertscore(answers[:1], references[:1], settings) == near(scores[:1])
    for batch_size in (1, 7):
        assert bertscore(answers, references, settings, batch_size=batch_size) == near(scores)
    monkeypatch.setattr(module, "_CHUNK", 9)
    assert bertscore(answers, references, settings) == near(scores)


def test_equal_pairs_have_equal_scores(model: str, pairs) -> None:
    answers, references = pairs
    scores = bertscore(answers + answers, references + references, BertScoreSettings(model, LAYERS))
    assert scores[:40] == scores[40:]


def test_idf_belongs_to_one_call(model: str, pairs) -> None:
    answers, references = pairs
    settings = BertScoreSettings(model, LAYERS, idf=True)
    first = bertscore(answers, references, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the library warns when weights of an earlier call are overwritten
        other = bertscore(answers[:10], references[:10], settings)
    assert other != near(first[:10])
    assert bertscore(answers, references, settings) == near(first)
    # A reference counts once per answer.
    assert bertscore(answers + answers[:3], references + references[:3], settings)[:40] != near(first)


@pytest.mark.parametrize("answer", ["", " \n", "\u200b", "\x00\x07"])
@pytest.mark.parametrize("idf", [False, True])
def test_an_answer_without_a_token_has_zero(
    model: str, answer: str, idf: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = BertScoreSettings(model, LAYERS, idf=idf)
    scores = bertscore(["lung", answer, "left"], ["heart lung", "lung", "right"], settings)
    assert scores[1] == 0
    assert all(scores[::2])
    assert bertscore([answer], ["lung"], settings) == [0]
    assert capsys.readouterr().err == ""


def test_punctuation_is_an_answer(model: str) -> None:
    assert bertscore(["."], ["."], BertScoreSettings(model, LAYERS)) == near([1])
    assert bertscore(["?"], ["."], BertScoreSettings(model, LAYERS))[0] != 0


@pytest.mark.parametrize("reference", ["", "  ", "\u200b"])
def test_an_empty_reference_is_refused(model: str, reference: str) -> None:
    with pytest.raises(ValueError, match=r"reference number 1, .*empty"):
        bertscore(["lung", "lung"], ["lung", reference], BertScoreSettings(model, LAYERS))


def test_long_answers_are_cut_at_the_models_length(model: str, unbounded: str) -> None:
    seen = " ".join(["lung"] * (LENGTH - 2))
    for name in (model, unbounded):
        long, cut = bertscore([seen + " heart heart", seen], ["left lung"] * 2, BertScoreSettings(name, LAYERS))
        assert long == pytest.approx(cut, abs=2e-6)


def test_lists_of_different_lengths_are_refused_and_empty_lists_have_no_scores() -> None:
    with pytest.raises(ValueError, match="2 answers and 1 references"):
        bertscore(["a", "b"], ["a"])
    assert bertscore([], []) == []


def test_a_model_is_loaded_once_and_quietly(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = BertScoreSettings(make("quiet"), LAYERS)
    loaded = []
    load = AutoModel.from_pretrained
    monkeypatch.setattr(AutoModel, "from_pretrained", lambda name: loaded.append(name) or load(name))
    capfd.readouterr()
    transformers_logging.enable_progress_bar()
    noisy = logging.getLogger("transformers")
    logged = BufferingHandler(1000)
    noisy.addHandler(logged)
    try:
        for _ in range(3):
            bertscore(["lung"], ["heart"], settings)
    finally:
        noisy.removeHandler(logged)
    assert loaded == [settings.model]
    assert capfd.readouterr() == ("", "")
    assert logged.buffer == []
    assert transformers_logging.get_verbosity() == transformers_logging.WARNING
    assert transformers_logging.is_progress_bar_enabled()


def test_progress_is_shown_for_many_pairs_only(
    model: str, pairs, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = BertScoreSettings(model, LAYERS)
    bertscore(*pairs, settings)
    assert "BERTScore" not in capsys.readouterr().err
    monkeypatch.setattr(module, "_CHUNK", 20)
    bertscore(*pairs, settings)
    assert "40/40" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["emilyalsentzer/Bio_ClinicalBERT", "/no/such/folder"])
def test_a_model_that_cannot_be_had(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BertScoreUnavailable) as caught:
        bertscore(["lung"], ["heart"], BertScoreSettings(name))
    message = str(caught.value)
    for part in (f"needs {name},", f"hf download {name}", "LMMS_VG_BERTSCORE=model=", "same command again"):
        assert part in message
    assert "on this machine" in message


def test_a_folder_without_weights_is_unavailable_too(make: Make) -> None:
    folder = Path(make("hollow"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(BertScoreUnavailable, match="hollow"):
        bertscore(["lung"], ["heart"], BertScoreSettings(str(folder), LAYERS))


def test_pickled_weights_are_read_and_pickled_code_does_not_run(model: str, make: Make) -> None:
    folder = Path(make("pickled"))
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    settings = BertScoreSettings(str(folder), LAYERS)
    assert bertscore(["lung"], ["heart"], settings) == near(
        bertscore(["lung"], ["heart"], BertScoreSettings(model, LAYERS))
    )
    module._scorer.cache_clear()
    ran = folder / "ran"

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (ran,)

    torch.save({"embeddings.word_embeddings.weight": Payload()}, folder / "pytorch_model.bin")
    with pytest.raises(Exception, match=r"(?i)weights.only|unsupported"):
        bertscore(["lung"], ["heart"], settings)
    assert not ran.exists()


def test_settings_that_do_not_fit_the_model(model: str, make: Make) -> None:
    with pytest.raises(ValueError, match=r"layer 12: .*tiny has 3 layers"):
        bertscore(["lung"], ["heart"], BertScoreSettings(model))
    with pytest.raises(ValueError, match="T5"):
        bertscore(["lung"], ["heart"], BertScoreSettings(make("mount5"), LAYERS))


@pytest.mark.parametrize(("lower", "case"), [(True, "lower"), (False, "kept")])
def test_signature_says_what_the_tokenizer_does_to_capitals(make: Make, lower: bool, case: str) -> None:
    settings = BertScoreSettings(make(case, model_max_length=LENGTH, do_lower_case=lower), 2)
    assert "|case:unread|" in signature(settings)
    check(settings)
    assert f"|case:{case}|" in signature(settings)
    module._cases.clear()
    (score,) = bertscore(["LEFT lung"], ["left LUNG"], settings)
    assert (score > 0.9999) is lower
    assert f"|case:{case}|" in signature(settings)


def test_a_model_without_tokenizer_files_has_the_tokenizer_of_its_class(make: Make) -> None:
    """Like Bio_ClinicalBERT, which has only a vocabulary and a configuration: BERT's tokenizer lower-cases."""
    folder = Path(make("bare", model_max_length=LENGTH))
    for path in folder.glob("tokenizer*.json"):
        path.unlink()
    (folder / "vocab.txt").write_text("\n".join(tiny_bert.VOCABULARY) + "\n")
    settings = BertScoreSettings(str(folder), 2)
    assert bertscore(["LEFT lung"], ["left LUNG"], settings) == near([1.0])
    assert "|case:lower|" in signature(settings)


def test_signature(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = f"case:unread|bert-score:{version('bert-score')}"
    usual = "bertscore|f1|model:emilyalsentzer/Bio_ClinicalBERT|layer:12|rescale:false|idf:false"
    assert signature() == f"{usual}|{library}|v:1"
    assert signature(None, 645) == f"{usual}|{library}|n:645|v:1"
    monkeypatch.setenv("LMMS_VG_BERTSCORE", f"model={model},layer=3,rescale=true,idf=true")
    assert signature() == f"bertscore|f1|model:tiny|layer:3|rescale:true|idf:true|{library}|v:1"
