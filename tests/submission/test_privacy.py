"""Paths and tokens are found in any text of a value; texts that only look like them are not."""

from __future__ import annotations

import pytest

from lmms_vg.submission.privacy import findings


@pytest.mark.parametrize(
    "text",
    [
        "/home/me",
        "see /Users/me/x",
        "pretrained=/mnt/disk/llava",
        "(/scratch/x)",
        "~/x",
        "D:\\data",
        "d:/data",
        "\\\\nas\\x",
        "hf_" + "A1" * 17,
        "ghp_" + "a" * 36,
        "sk-" + "a" * 30,
        "AKIA" + "A" * 16,
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0",
    ],
)
def test_found_wherever_it_stands(text: str) -> None:
    for value in (text, {"a": [1, {"b": text}]}, {text: None}):
        (finding,) = list(findings(value, "x"))
        assert finding.code == "private"
        assert text not in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "FreedomIntelligence/HuatuoGPT-Vision-7B-hf",
        "https://huggingface.co/datasets/guimeng-liu/VGMED",
        "https://example.org/home/data/x",
        "CT/MR, T1/T2 w/o contrast",
        "1/2 and/or",
        "VGRefine(heads=((15, 4), (16, 5)), p=50.0)",
        "hf_short",
        "closed|rule:yes-no-word+normalised-match|case:lower|v:0.1.0",
        "Write a general description of the image.\nAnswer the question using a single word or phrase.",
        "ratio 3:/4",
    ],
)
def test_left_alone(text: str) -> None:
    assert list(findings({"x": [text]}, "x")) == []


def test_a_long_text_takes_no_long_time() -> None:
    """Each of these texts once took minutes; the test would hit its time limit."""
    for text in ("eyJ" * 300_000, "/" * 300_000, "C:" * 300_000, "hf_" * 300_000, "~/" * 10 + "~" * 300_000):
        list(findings(text, "x"))
