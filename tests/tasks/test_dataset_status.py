"""States of a data set and the command that fixes each, without any file."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.tasks.dataset_status import DatasetStatus, QuestionCount, State

SPEC = DatasetSpec(name="toy", hub_id="x/toy", licence="CC0", files={"a.json": "1 MB", "b.zip": "2 GB"})
WHOLE = QuestionCount("toy_closed", 3, 3)
FILES: dict[str, str | None] = {"a.json": "1.0 MB here", "b.zip": "2.0 GB here"}


def made(*counts: QuestionCount, files: dict[str, str | None] = FILES) -> DatasetStatus:
    return DatasetStatus(SPEC, None, files, [*counts], ["toy"], [])


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (made(WHOLE), "here"),
        (made(), "here"),
        (made(WHOLE, WHOLE._replace(expected=None)), "here"),
        (made(WHOLE, WHOLE._replace(found=2)), "partial"),
        (made(WHOLE, WHOLE._replace(images=False)), "incomplete"),
        (made(WHOLE._replace(found=None)), "incomplete"),
        (made(files=FILES | {"a.json": None}), "incomplete"),
        (made(WHOLE._replace(found=None), files=dict.fromkeys(FILES)), "missing"),
        (made(WHOLE, files=dict.fromkeys(FILES)), "here"),  # a reader knows more names than there are patterns
        (made(WHOLE._replace(found=None), WHOLE._replace(found=None, problem="it is cut short")), "wrong"),
    ],
)
def test_state(status: DatasetStatus, state: State) -> None:
    assert status.state == state


def test_remedies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Missing files are fetched; wrong files are moved away first, or downloaded again."""
    wrong, missing = made(WHOLE._replace(found=2)), made(WHOLE._replace(images=False))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    assert made(WHOLE).remedy == ""
    assert missing.remedy == "lmms-vg data fetch toy"
    assert wrong.remedy == f'mv "{tmp_path}/toy" "{tmp_path}/toy.wrong" && lmms-vg data fetch toy'
    monkeypatch.delenv("LMMS_VG_DATA")
    assert wrong.remedy == "hf download x/toy --repo-type dataset --force-download"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert missing.remedy == "HF_HUB_OFFLINE=0 lmms-vg data fetch toy"


def test_lines_for_some_tasks_leave_the_others_out() -> None:
    status = made(WHOLE, QuestionCount("toy_open", 5), files=FILES | {"b.zip": None})
    everything, some = list(status.lines()), list(status.lines(["toy_open"]))
    assert [line for line in everything if line not in some] == [
        "  used by: toy",
        "  toy_closed: 3 questions of 3 expected",
    ]
    assert some[1:] == [
        "  a.json: 1.0 MB here",
        "  b.zip: MISSING, 2 GB",
        "  toy_open: none of 5 expected",
        f"  get it with: {status.fetch}",
    ]
