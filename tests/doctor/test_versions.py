"""Versions against what is asked of them, on made-up environments and on this one."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
from packaging.utils import canonicalize_name

from lmms_vg import __version__
from lmms_vg.doctor import versions
from lmms_vg.doctor.finding import Finding
from lmms_vg.journal import provenance

#: Name -> version and requirements, in which nothing is wrong.
GOOD = {
    "lmms-vg": (__version__, ["lmms-eval==0.7.3", "torch>=2.6", "transformers<6,>=5.0", 'pytest>=8; extra == "dev"']),
    "lmms-eval": ("0.7.3", ["torch>=2.1.0", "torchvision>=0.16.0", "wandb==0.25.0"]),
    "torch": ("2.14.1+cu130", ["jinja2"]),
    "torchvision": ("0.29.1", ["torch (==2.14.1)"]),
    "transformers": ("5.1.0", ["tokenizers<=0.23,>=0.22", 'numpy>=99; python_version < "3"']),
    "tokenizers": ("0.22.1", []),
    "jinja2": ("3.1.6", []),
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, list[str]]]:
    """What is installed: to be changed by the test."""
    installed = dict(GOOD)

    def find(name: str) -> tuple[str, list[str]]:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    fake = SimpleNamespace(
        PackageNotFoundError=PackageNotFoundError,
        version=lambda name: find(name)[0],
        requires=lambda name: find(name)[1] or None,
        metadata=lambda name: {"Requires-Python": ">=3.10,<3.13"} if find(name) else {},
    )
    monkeypatch.setattr(versions, "metadata", fake)
    return installed


def problems() -> list[Finding]:
    return [finding for finding in versions.distributions() if finding.mark != "ok"]


def test_versions_that_fit(environment: object) -> None:
    assert [finding.text for finding in versions.distributions()] == [
        "jinja2 3.1.6",
        "lmms-eval 0.7.3 (==0.7.3)",
        "tokenizers 0.22.1 (<=0.23,>=0.22)",
        "torch 2.14.1+cu130 (>=2.6)",
        "torchvision 0.29.1 (>=0.16.0)",
        "transformers 5.1.0 (<6,>=5.0)",
    ]
    assert problems() == []


def test_another_lmms_eval_is_a_problem_and_says_why(environment: dict[str, tuple[str, list[str]]]) -> None:
    environment["lmms-eval"] = ("0.7.4", [])
    (found,) = problems()
    assert found.mark == "PROBLEM"
    assert found.text == (
        "lmms-eval 0.7.4: lmms-vg asks for ==0.7.3; the hook that adds our tasks relies on its internals"
    )
    assert found.remedy.endswith('-m pip install "lmms-eval==0.7.3"')


def test_torchvision_of_another_torch(environment: dict[str, tuple[str, list[str]]]) -> None:
    """lmms-vg is content with either; they are not with each other."""
    environment["torch"] = ("2.12.0", [])
    (found,) = problems()
    assert found.text == "torch 2.12.0: torchvision asks for ==2.14.1"
    assert found.remedy.endswith('-m pip install "torch==2.14.1,>=2.6"')


def test_what_is_missing(environment: dict[str, tuple[str, list[str]]]) -> None:
    del environment["transformers"]
    del environment["jinja2"]
    first, second = problems()
    assert first.text == "jinja2 is missing: torch asks for it"
    assert first.remedy.endswith('-m pip install "jinja2"')
    assert second.text.startswith("transformers is missing: lmms-vg asks for <6,>=5.0; attention is ")
    assert second.remedy.endswith('-m pip install "transformers<6,>=5.0"')


def test_nobody_asks_for_what_is_missing(environment: dict[str, tuple[str, list[str]]]) -> None:
    del environment["transformers"], environment["tokenizers"]
    assert problems()[0].text == "tokenizers is missing"


def test_a_later_major_version(environment: dict[str, tuple[str, list[str]]]) -> None:
    environment["transformers"] = ("6.0.0", [])
    assert problems()[0].text.startswith("transformers 6.0.0: lmms-vg asks for <6,>=5.0")


def test_a_build_of_a_release_candidate_is_looked_at_by_number(environment: dict[str, tuple[str, list[str]]]) -> None:
    environment["torch"] = ("2.15.0rc1", [])
    environment["torchvision"] = ("0.30.0", [])
    assert problems() == []
    environment["torch"] = ("2.6.0a0", [])
    assert [found.text for found in problems()] == ["torch 2.6.0a0: lmms-vg asks for >=2.6"], (
        "a pre-release comes before its release"
    )


def test_python(environment: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.platform, "python_version", lambda: "3.12.1")
    assert [(found.mark, found.text) for found in versions.python()] == [("ok", "Python 3.12.1 (>=3.10,<3.13)")]
    monkeypatch.setattr(versions.platform, "python_version", lambda: "3.13.0")
    (found,) = versions.python()
    assert (found.mark, found.text) == ("PROBLEM", "Python 3.13.0: lmms-vg asks for >=3.10,<3.13")
    assert found.remedy.startswith("python3.11 -m venv ")


def test_lmms_vg_itself(environment: dict[str, tuple[str, list[str]]]) -> None:
    assert [found.text for found in versions.installed()] == [f"lmms-vg {__version__}"]
    environment["lmms-vg"] = ("0.0.1", [])
    (found,) = versions.installed()
    assert (found.mark, found.text) == ("PROBLEM", f"lmms-vg is installed as 0.0.1, but its code is {__version__}")
    assert "pip install " in found.remedy


def test_without_its_metadata_the_rest_is_looked_at(environment: dict[str, tuple[str, list[str]]]) -> None:
    del environment["lmms-vg"]
    (found,) = versions.installed()
    assert found.mark == "PROBLEM"
    assert found.text.startswith("lmms-vg is not installed")
    assert [found.mark for found in versions.python()] == ["ok"]
    assert {found.text.split()[0] for found in versions.distributions()} == {"jinja2", "tokenizers", "torchvision"}


def test_everything_that_may_move_a_number_is_looked_at() -> None:
    """And what the scores are computed with."""
    named = {canonicalize_name(name) for name in provenance.versions()} - {"lmms-vg", "python"}
    looked_at = {canonicalize_name(found.text.split()[0]) for found in versions.distributions()}
    assert looked_at >= named | {"nltk", "bert-score", "scipy", "pydantic", "jinja2"}


def test_this_environment() -> None:
    found = {finding.text.split()[0]: finding for finding in versions.distributions()}
    assert found["lmms-eval"].text == "lmms-eval 0.7.3 (==0.7.3)"
    assert [finding.mark for finding in found.values()] == ["ok"] * len(found)
