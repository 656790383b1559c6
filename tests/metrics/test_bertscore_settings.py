"""Settings of BERTScore, from the environment and by hand."""

from __future__ import annotations

import pytest

from lmms_vg.metrics.bertscore import bertscore
from lmms_vg.metrics.bertscore_settings import BertScoreSettings


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    default = BertScoreSettings("emilyalsentzer/Bio_ClinicalBERT", 12, rescale=False, idf=False)
    for text, settings in {
        "": default,
        "layer=9": BertScoreSettings(default.model, 9),
        " model=roberta-large, layer=17,rescale=true,idf=true,": BertScoreSettings(
            "roberta-large", 17, rescale=True, idf=True
        ),
        "model=/models/a=b,rescale=false": BertScoreSettings("/models/a=b"),
    }.items():
        monkeypatch.setenv("LMMS_VG_BERTSCORE", text)
        assert BertScoreSettings.from_environment() == settings
    monkeypatch.delenv("LMMS_VG_BERTSCORE")
    assert BertScoreSettings.from_environment() == default


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("roberta-large", "'roberta-large': .*model=.*layer=.*rescale=<true|false>"),
        ("lang=de", "'lang=de'"),
        ("layer=last", "'layer=last'"),
        ("layer=-1", "'layer=-1'"),
        ("layer=0", "layer 0: layers count from 1"),
        ("model=", "'model='"),
        ("model=scibert-scivocab-uncased", "allenai/scibert_scivocab_uncased"),
        ("idf=1", "'idf=1'"),
        ("rescale=True", "'rescale=True'"),
        ("layer=9,layer=9", "layer is given twice"),
    ],
)
def test_settings_nobody_could_mean(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("LMMS_VG_BERTSCORE", text)
    with pytest.raises(ValueError, match=message):
        BertScoreSettings.from_environment()
    with pytest.raises(ValueError, match=message):
        bertscore(["lung"], ["heart"])
