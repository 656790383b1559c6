"""Words of the page are explained where they stand."""

from __future__ import annotations

from lmms_vg.study.page.words import WORDS, explained


def test_whole_words_are_found_and_no_parts() -> None:
    assert [word for word, _ in explained("log AR (KL, JS); placement")] == ["AR", "KL", "JS", "placement"]
    assert explained("ARM, displacement, KLX") == []
    assert all(meaning.endswith((".", "?")) for meaning in WORDS.values())
