"""Offline switches: read as the libraries read them, and compared with each other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from datasets import config
from huggingface_hub import constants

from lmms_vg.doctor import offline
from lmms_vg.doctor.finding import Finding

HUB, TRANSFORMERS, DATASETS = "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"


def set_to(monkeypatch: pytest.MonkeyPatch, **values: str) -> tuple[list[Finding], list[Finding]]:
    for name in offline.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return list(offline.switches()), list(offline.in_force())


def test_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    switches, force = set_to(monkeypatch)
    assert switches == [("ok", f"{name} is not set", "") for name in (HUB, TRANSFORMERS, DATASETS)]
    assert force == [("ok", "in force: models and data sets that are not here are downloaded", "")]


@pytest.mark.parametrize("name", [HUB, TRANSFORMERS])
@pytest.mark.parametrize("value", ["1", "on", "Yes", "TRUE"])
def test_offline(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    switches, force = set_to(monkeypatch, **{name: value})
    assert ("ok", f"{name}={value}, offline", "") in switches
    assert force == [("ok", "in force: nothing is downloaded; models and data sets must be here", "")]


def test_online_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    switches, force = set_to(monkeypatch, HF_HUB_OFFLINE="0", HF_DATASETS_OFFLINE="off")
    assert [found.text for found in switches] == [
        f"{HUB}=0, online",
        f"{TRANSFORMERS} is not set",
        f"{DATASETS}=off, online",
    ]
    assert [found.mark for found in force] == ["ok"]


@pytest.mark.parametrize("value", ["y", "2", "offline"])
def test_a_value_the_libraries_do_not_know(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    switches, force = set_to(monkeypatch, HF_HUB_OFFLINE=value)
    assert switches[0].mark == "PROBLEM"
    assert switches[0].text == f"{HUB}={value} is not understood and means no"
    assert switches[0].remedy.startswith(f"export {HUB}=1")
    assert force[0].text.endswith("are downloaded")


@pytest.mark.parametrize(
    ("values", "said", "remedy"),
    [
        (
            {HUB: "0", TRANSFORMERS: "1"},
            f"{TRANSFORMERS} says otherwise than {HUB}, which wins",
            f"unset {TRANSFORMERS}",
        ),
        (
            {HUB: "1", TRANSFORMERS: "0"},
            f"{TRANSFORMERS} says otherwise than {HUB}, which wins",
            f"unset {TRANSFORMERS}",
        ),
        ({HUB: "1", DATASETS: "0"}, f"{DATASETS} lets the datasets library ask a hub ", f"unset {DATASETS}"),
        ({TRANSFORMERS: "1", DATASETS: "0"}, f"{DATASETS} lets the datasets library ask", f"unset {DATASETS}"),
        ({DATASETS: "1"}, f"{DATASETS} is for other tasks of lmms-eval only; ", f"export {HUB}=1"),
    ],
)
def test_they_disagree(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str, remedy: str) -> None:
    _, (first, disagreement) = set_to(monkeypatch, **values)
    assert first.mark == "ok"
    assert (disagreement.mark, disagreement.text[: len(said)]) == ("note", said)
    assert disagreement.remedy.startswith(remedy)


@pytest.mark.parametrize("values", [{HUB: "1", TRANSFORMERS: "1", DATASETS: "1"}, {HUB: "", TRANSFORMERS: "1"}])
def test_they_agree(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    assert [found.mark for found in set_to(monkeypatch, **values)[1]] == ["ok"]


def test_the_words_are_those_of_the_libraries() -> None:
    assert set(offline._YES) == constants.ENV_VARS_TRUE_VALUES == config.ENV_VARS_TRUE_VALUES
    assert set(offline._NO) == config.ENV_VARS_FALSE_VALUES | {""}


@pytest.mark.e2e
@pytest.mark.parametrize(
    "values",
    [{HUB: "y"}, {HUB: "0", TRANSFORMERS: "1"}, {HUB: "", TRANSFORMERS: "1"}, {HUB: "1", DATASETS: "0"}],
)
def test_what_is_said_to_be_in_force_is(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    """The libraries read their switches once, on import."""
    script = "import json; from huggingface_hub import constants; from datasets import config; "
    script += "print(json.dumps([constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE]))"
    _, force = set_to(monkeypatch, **values)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    hub, library = json.loads(done.stdout)
    assert ("nothing is downloaded" in force[0].text) == hub
    assert any(found.text.startswith(DATASETS) for found in force) == (hub != library)
