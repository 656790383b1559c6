"""What a journal keeps in memory, and answers whose lines changed after the journal was opened."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journals import Opened, find, record, texts

from lmms_vg import journal
from lmms_vg.journal import Journal, Record, content_key
from lmms_vg.journal.lines import FORMAT, Label, decode, decode_label, encode
from lmms_vg.journal.places import append, line_at

#: A dictionary of them is as full as one of sixteen times as many.
ANSWERS = 1_250

#: Most bytes in memory per answer: in a journal, and handed over to scoring. Measured are 138 and 111.
IN_JOURNAL, HANDED_OVER = 200, 200


def answer(number: int) -> Record:
    """An answer whose record alone has more than 1 kB."""
    return record(content_key({"number": number}), uid=f"test/{number}", prompt=f"Where is organ {number}? " * 50)


def grown(work: Callable[[], object]) -> int:
    """How many bytes of Python objects are there after the work and were not before."""
    gc.collect()
    tracemalloc.start()
    work()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size


@pytest.mark.slow
def test_memory_holds_places_and_not_answers(tmp_path: Path) -> None:
    made = Journal(tmp_path)

    def write() -> None:
        made.__enter__()
        for number in range(0, ANSWERS, 50):
            made.write([answer(number + place) for place in range(50)])

    def remember() -> None:
        for number in range(ANSWERS):
            journal.remember(answer(number))

    assert grown(write) < ANSWERS * IN_JOURNAL
    made.close()
    assert grown(made.__enter__) < ANSWERS * IN_JOURNAL
    assert made.find(answer(7).key, "t", "test/7") == answer(7)
    made.close()
    assert grown(remember) < ANSWERS * HANDED_OVER
    assert journal.recall("t", "test/7") == answer(7), "the journal has been closed"
    journal.forget()


def test_keys_and_records_of_all_answers(opened: Opened, filled: Path) -> None:
    second = opened(filled, rank=1)
    second.write([record("d"), record("bad", error="E: no", error_code="model")])
    second.write([])
    for made in (second, opened(filled, rank=2)):
        assert made.keys() == set("abcd")
        assert [made.get(key) for key in "abcd"] == [record(key) for key in "abcd"]
        for key in ("bad", "none"):
            with pytest.raises(KeyError):
                made.get(key)
    second.close()
    assert second.keys() == set()


def test_a_record_is_read_back_with_the_values_of_every_head(opened: Opened, tmp_path: Path) -> None:
    """So that another journal can be given all of it."""
    full = record("k", alignment={"kl": [1.0], "heads": {"kl": [[1.0, 2.0]]}})
    made = opened(tmp_path)
    made.write([full])
    assert made.get("k") == full


@pytest.mark.parametrize("rank", [0, 1], ids=["its own file", "the file of another rank"])
def test_a_line_that_was_damaged_after_opening_is_said_and_asked_again(
    opened: Opened, filled: Path, warnings: list[str], rank: int
) -> None:
    made, path = opened(filled, rank=rank), filled / "rank0.jsonl"
    path.write_bytes(path.read_bytes().replace(b"says b", b"says c"))
    assert [find(made, key) for key in "abc"] == [record("a"), None, record("c")]
    (said,) = warnings
    assert str(path) in said
    assert "asked again" in said
    assert made.keys() == {"a", "c"}
    made.write([record("b")])
    assert find(made, "b") == made.get("b") == record("b")
    assert len(warnings) == 1


def test_a_file_that_is_gone_is_said_and_its_answers_asked_again(
    opened: Opened, filled: Path, warnings: list[str]
) -> None:
    made = opened(filled, rank=1)
    (filled / "rank0.jsonl").unlink()
    assert find(made, "a") is None
    assert "No such file" in warnings[0]


def test_another_line_in_the_place_of_an_answer_is_not_taken_for_it(
    opened: Opened, tmp_path: Path, warnings: list[str]
) -> None:
    """A rank may have read lines of a torn batch that their own rank then cuts off, to write others in their place."""
    path, header = tmp_path / "rank0.jsonl", encode([{"format": FORMAT, "run": {}}])
    batch = encode([record(key).model_dump(mode="json") for key in "abc"]).splitlines(keepends=True)
    path.write_bytes(header + batch[0] + batch[1])
    made = opened(tmp_path, rank=1)
    assert made.keys() == {"a", "b"}
    path.write_bytes(header + encode([record(key).model_dump(mode="json") for key in "xyz"]))
    assert find(made, "a") is None
    assert len(warnings) == 1


def test_a_record_that_is_invalid_is_said_when_it_is_asked_for(
    opened: Opened, tmp_path: Path, warnings: list[str]
) -> None:
    """Its line is intact, so that only reading all of it shows a field that this version does not know."""
    entry = record("a").model_dump(mode="json") | {"new": 1}
    (tmp_path / "rank0.jsonl").write_bytes(encode([{"format": FORMAT, "run": {}}]) + encode([entry]))
    assert find(opened(tmp_path), "a") is None
    assert "Extra inputs are not permitted" in warnings[0]
    assert warnings[0].count("\n") == 1


@pytest.mark.parametrize("entry", [{}, {"key": "k"}, {"key": "k", "task": 1, "uid": "u"}])
def test_a_record_without_a_name_is_damaged(opened: Opened, tmp_path: Path, entry: dict, warnings: list[str]) -> None:
    (tmp_path / "rank0.jsonl").write_bytes(encode([{"format": FORMAT, "run": {}}, entry | {"text": ""}]))
    assert opened(tmp_path).keys() == set()
    assert "line 2 is damaged" in warnings[0]


def test_many_documents_with_one_question_keep_their_names(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        made.write([record("k", uid="0")])
    for rank in (0, 1, 0):
        with Journal(tmp_path, rank) as made:
            assert [made.find("k", "t", uid) for uid in "0123210"] == [record("k", uid=uid) for uid in "0123210"]
    assert sorted(one.uid for one in journal.read_records(tmp_path.glob("rank*.jsonl"))) == list("0123")


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=texts, task=texts, uid=texts, text=texts, failed=st.booleans())
def test_a_label_says_what_the_whole_line_says(
    tmp_path: Path, key: str, task: str, uid: str, text: str, failed: bool
) -> None:
    """Read the start of the line, and a line whose fields are in another order; both against the parsed line."""
    error = {"error": text, "error_code": "model"} if failed else {}
    made = Record(key=key, task=task, uid=uid, text=text, **error).model_dump(mode="json")
    lines = encode([made, dict(sorted(made.items())), made]).splitlines(keepends=True)
    for line in lines:
        parsed = decode(line)
        assert decode_label(line) == Label(parsed["key"], parsed["task"], parsed["uid"], parsed["error"] is None)
        assert decode_label(line) == Label(key, task, uid, not failed)


def test_only_the_start_of_a_line_is_parsed() -> None:
    """Otherwise opening a large journal takes several times as long."""
    (line,) = encode([record("a").model_dump(mode="json")]).splitlines()
    body = b"{" + line.split(b", ", 1)[1][:-1] + b", no JSON}"
    broken = b'{"sha256": "' + hashlib.sha256(body).hexdigest()[:32].encode() + b'", ' + body[1:] + b"\n"
    assert decode_label(broken) == Label("a", "t", "u/a", True)
    with pytest.raises(ValueError, match="property name"):
        decode(broken)


def test_lines_of_any_length_are_read_from_their_places(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w+b", buffering=0) as file:
        entries = [{"text": "x" * length} for length in (0, 8100, 8192, 3, 50_000)]
        places = append(file.fileno(), entries[:2]) + append(file.fileno(), entries[2:])
        lines = [line_at(file.fileno(), place) for place in places]
    assert b"".join(lines) == (tmp_path / "f").read_bytes()
    assert [decode(line)["text"] for line in lines] == [entry["text"] for entry in entries]
