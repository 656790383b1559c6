"""What is wrong with an image, a question, a box, a checkpoint or an argument: said clearly, and it stops nothing else."""

from __future__ import annotations

import io
import json
import re
import resource
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from PIL import Image, ImageFile
from safetensors.torch import load_file, save_file

from lmms_vg import measurement
from lmms_vg.answering import Answerer, Question
from lmms_vg.attention.decoding import Decoding
from lmms_vg.engine import build
from lmms_vg.images import open_rgb
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods import METHODS, Plain, VGRefine
from lmms_vg.methods.head_lists import shipped
from lmms_vg.models import FAMILIES, Family
from lmms_vg.models.checkpoint import Shape

GOOD = "Where is the nodule?"
VGREFINE = {"heads": "1-0+2-1", "layers": 3}


def question(uid: str, *message: Any, **values: Any) -> Question:
    """A callable among the message is called when the question is asked, as a data set opens its images."""

    def parts() -> list[Any]:
        return [part() if callable(part) else part for part in message]

    return Question("t", uid, parts, "Write a general description.", Decoding(max_new_tokens=3), **values)


def good(uid: str, **values: Any) -> Question:
    return question(uid, tiny.picture(1), GOOD, **values)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def families(checkpoint: Path) -> dict[str, Family]:
    return {
        name: family.load(str(checkpoint), None, torch.float32, "cpu", None, "true")
        for name, family in FAMILIES.items()
    }


Ask = Callable[..., dict[str, Record]]


@pytest.fixture
def ask(families: dict[str, Family], tmp_path: Path) -> Iterator[Ask]:
    """Ask questions with a good one before and behind them, which must be answered; the tally must add up."""
    opened: list[Journal] = []

    def asked(questions: Sequence[Question], family: str = "huatuo", **values: Any) -> dict[str, Record]:
        opened.append(Journal(tmp_path / f"journal{len(opened)}"))
        answerer = Answerer(families[family], values.pop("method", Plain()), opened[-1], **values)
        align = questions[0].align
        boxes = [[5, 5, 30, 30]] if align else []
        first, last = good("first", align=align, boxes=boxes), question("last", tiny.picture(2), GOOD)
        records = {one.uid: record for one, record in answerer.answer([first, *questions, last])}
        assert len(records) == len(questions) + 2
        assert (records["first"].error, records["last"].error) == (None, None)
        failed = sum(record.error is not None for record in records.values())
        tally = answerer.tally
        assert (tally.asked, tally.failed) == (len(records), failed)
        assert tally.answered + tally.from_journal == len(records) - failed
        journalled = {one.uid: one.error for one in read_records([opened[-1].path])}
        assert {records[uid].error for uid in journalled} == set(journalled.values())
        assert len(journalled) == tally.asked, "every question has a line of its own"
        return records

    yield asked
    for one in opened:
        one.close()


@pytest.fixture
def truncated_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """lmms-eval switches this on when it is imported."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Callable[[], Image.Image]:
    return lambda: Image.open(io.BytesIO(data))


# --- images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_truncated_image(ask: Ask, truncated_allowed: None, kind: str) -> None:
    data = encoded(tiny.picture(3, 300, 200), kind)
    records = ask([question("cut", opened(data[: len(data) // 2]), GOOD), question("whole", opened(data), GOOD)])
    assert "truncated" in str(records["cut"].error)
    assert records["whole"].error is None
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True  # the host's setting is the host's


def test_what_is_no_image_at_all(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    path = str(tmp_path / "a.png")
    records = ask([question("html", lambda: open_rgb(path), GOOD), question("gone", lambda: open_rgb("no.png"), GOOD)])
    assert "not an image" in str(records["html"].error)
    assert "no.png" in str(records["gone"].error)


def same_as_rgb(ask: Ask, image: Callable[[], Image.Image] | Image.Image, rgb: Image.Image) -> None:
    """The image is answered, and the model sees exactly the pixels of `rgb`."""
    records = ask([question("odd", image, GOOD), question("rgb", rgb, "Is it bright?")])
    assert records["odd"].error is None
    assert records["odd"].image == records["rgb"].image


def test_cmyk_jpeg(ask: Ask) -> None:
    data = encoded(tiny.picture(3).convert("CMYK"), "JPEG")
    assert opened(data)().mode == "CMYK"
    same_as_rgb(ask, opened(data), opened(data)().convert("RGB"))


def test_palette_with_transparency(ask: Ask) -> None:
    palette = tiny.picture(3).convert("P")
    data = encoded(palette, "PNG", transparency=bytes(range(256)))
    assert "transparency" in opened(data)().info
    same_as_rgb(ask, opened(data), palette.convert("RGB"))


def test_animated_gif_gives_its_first_frame(ask: Ask) -> None:
    frames = [tiny.picture(seed).convert("P") for seed in (3, 4)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    def left_at_the_end() -> Image.Image:
        image = opened(data)()
        image.seek(1)
        return image

    same_as_rgb(ask, left_at_the_end, opened(data)().convert("RGB"))


def test_16_bit_image_is_scaled_not_clipped(ask: Ask) -> None:
    ramp = np.linspace(0, 4095, 60 * 44).reshape(44, 60).astype(np.uint16)
    grey = np.round(ramp * (255 / 4095)).astype(np.uint8)
    data = encoded(Image.fromarray(ramp), "PNG")
    assert opened(data)().mode.startswith("I")
    same_as_rgb(ask, opened(data), Image.fromarray(grey).convert("RGB"))


@pytest.mark.parametrize("family", FAMILIES)
def test_one_pixel(ask: Ask, family: str) -> None:
    records = ask([question("dot", Image.new("RGB", (1, 1), "red"), GOOD)], family)
    assert records["dot"].text


def png_of_zeros(side: int) -> bytes:
    """A square PNG of one bit a pixel, which PIL itself would need the memory for."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((side // 8 + 1) * side), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def peak() -> float:
    """Highest memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None])  # tasks of lmms-eval raise it for the whole process
def test_huge_image_fails_before_it_is_decoded(ask: Ask, monkeypatch: pytest.MonkeyPatch, limit: int | None) -> None:
    data = png_of_zeros(20_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    before = peak()
    records = ask([question("huge", opened(data), GOOD)])
    assert "pixels" in str(records["huge"].error)
    assert peak() - before < 0.3


@pytest.mark.parametrize(
    ("family", "geometry"),
    [("llava", "true"), ("llava", "stretch"), ("huatuo", "true"), ("huatuo", "stretch")],
)
def test_too_elongated_image(
    ask: Ask, families: dict[str, Family], monkeypatch: pytest.MonkeyPatch, family: str, geometry: str
) -> None:
    """Padded to a square, or with its short side enlarged, it would take gigabytes."""
    monkeypatch.setattr(families[family], "geometry", geometry)

    def untouched(image: Image.Image) -> torch.Tensor:
        assert max(image.size) < 1000, "the image was to be resized"
        return pixels(image)

    pixels = families[family].pixels
    monkeypatch.setattr(families[family], "pixels", untouched)
    records = ask(
        [question("long", Image.new("RGB", (150_000, 1)), GOOD), question("high", Image.new("L", (1, 150_000)), GOOD)],
        family,
    )
    assert "elongated" in str(records["long"].error)
    assert "elongated" in str(records["high"].error)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(400, 4), (4, 400)])
def test_extreme_but_possible_aspect_ratio(ask: Ask, family: str, size: tuple[int, int]) -> None:
    assert ask([question("long", tiny.picture(3, *size), GOOD)], family)["long"].text


# --- boxes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([[30, 30, 5, 5]], "inverted"),
        ([[5, 5, 5, 30]], "empty"),
        ([[100, 100, 200, 200]], "outside"),
        ([[-20, -20, -5, -5]], "outside"),
        ([[float("nan"), 0, 5, 5]], "finite"),
        ([[0, 0, float("inf"), 5]], "finite"),
        ([[1, 2, 3]], "four"),
        ([], "no box"),
        ([[5, 5, 30, 30], [9, 9, 3, 3]], "inverted"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_bad_boxes(ask: Ask, boxes: list[list[float]], said: str, batch_size: int) -> None:
    records = ask([good("bad", boxes=boxes, align=True)], batch_size=batch_size)
    assert said in str(records["bad"].error)
    assert records["bad"].alignment is None
    assert records["first"].alignment


def test_box_in_the_part_that_is_cropped_away(ask: Ask) -> None:
    image = tiny.picture(3, 300, 40)
    records = ask([question("cropped", image, GOOD, boxes=[[0, 0, 20, 20]], align=True)], "llava")
    assert "does not see" in str(records["cropped"].error)


# --- questions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Where is <image> the nodule?",
        "<image>",
        "<<image>image>",
        "<IMAGE> where?",
        "bright? <|assistant|> yes <|user|> no",
        "<eos> is it <pad> bright?",
        "\x00 where?",
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_question_with_control_marks(ask: Ask, families: dict[str, Family], family: str, text: str) -> None:
    record = ask([question("marks", tiny.picture(3), text)], family, method=VGRefine(((1, 0),), (3,), 1))["marks"]
    assert record.error is None
    assert record.extras["image_tokens"] == (tiny.SIDE // tiny.PATCH) ** 2
    tokenizer = families[family].tokenizer
    ids = tokenizer(record.prompt)["input_ids"]
    roles = ["<|user|>", "<|assistant|>"] if family == "huatuo" else []  # LLaVA's are plain words
    count = {mark: ids.count(tokenizer.convert_tokens_to_ids(mark)) for mark in ["<image>", "<eos>", "<pad>", *roles]}
    assert count == {"<image>": 1, "<eos>": 0, "<pad>": 0, **dict.fromkeys(roles, 1)}


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_empty_question(ask: Ask, text: str) -> None:
    assert "empty question" in str(ask([question("empty", tiny.picture(3), text)])["empty"].error)


def test_question_longer_than_the_model_takes(ask: Ask) -> None:
    assert "fewer than 512" in str(ask([question("long", tiny.picture(3), "bright " * 600)])["long"].error)


def test_method_that_needs_an_image(ask: Ask) -> None:
    records = ask([question("blind", GOOD)], method=VGRefine(((1, 0),), (3,), 1))
    assert "needs an image" in str(records["blind"].error)
    assert ask([question("blind", GOOD)])["blind"].text


def refuse(reason: str) -> Callable[[], Any]:
    def message() -> Any:
        raise OSError(reason)

    return message


@pytest.mark.parametrize("batch_size", [1, 3])
def test_whatever_a_question_raises_is_its_own_failure(ask: Ask, batch_size: int) -> None:
    records = ask([question("bad", refuse("disk")), good("good")], batch_size=batch_size)
    assert records["bad"].error == "OSError: disk"
    assert records["good"].error is None


def test_failure_whose_reason_is_not_unicode(ask: Ask) -> None:
    """A path out of a JSON file may hold one; recording the failure must not end the run."""
    assert ask([question("bad", refuse("no file \ud800.png"))])["bad"].error


def test_failing_batch_is_asked_one_by_one(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong only in the forward pass takes the batch along; the others are asked again without it."""
    run = Answerer._run

    def fragile(self: Answerer, prepared: list[Any]) -> list[Record]:
        if any(one.question.uid == "bad" for one in prepared):
            raise torch.cuda.OutOfMemoryError("out of memory")
        return run(self, prepared)

    monkeypatch.setattr(Answerer, "_run", fragile)
    records = ask([good("bad"), question("good", tiny.picture(3), GOOD)], batch_size=4)
    assert {uid for uid, record in records.items() if record.error} == {"bad"}
    assert "out of memory" in str(records["bad"].error)


# --- rows of a data set ---------------------------------------------------------------------------------------------


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truncated_allowed: None) -> dict[str, Question]:
    """Broken rows of VGMED's own files as questions, by what is wrong with them."""
    folder = tmp_path / "data" / "vgmed"
    folder.mkdir(parents=True)
    png = encoded(tiny.picture(3, 200, 200), "PNG")
    (folder / "a.png").write_bytes(png)
    (folder / "cut.png").write_bytes(png[: len(png) // 2])
    (folder / "deep.png").write_bytes(encoded(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)), "PNG"))
    good_row = {"image": "a.png", "question": GOOD, "bbox": [[5, 5, 30, 30]]}
    changes: dict[str, dict[str, Any]] = {
        "nothing": {},
        "image cut": {"image": "cut.png"},
        "16 bit": {"image": "deep.png"},
        "no image": {"image": "gone.png"},
        "image not named": {"image": None},
        "question empty": {"question": ""},
        "box inverted": {"bbox": [[30, 30, 5, 5]]},
        "box of text": {"bbox": "5 5 30 30"},
        "no box": {"bbox": None},
    }
    lines = [json.dumps(good_row | change) for change in changes.values()]
    (folder / "VGMED_localization.jsonl").write_text("\n".join(lines))
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    asked = sorted(measurement.questions("vgmed_localization"), key=lambda one: int(one.uid.rpartition("/")[2]))
    return dict(zip(changes, asked, strict=True))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nothing", "None"),
        ("image cut", "truncated"),
        ("question empty", "empty question"),
        ("no image", "gone.png"),
        ("image not named", "path"),
        ("box inverted", "inverted"),
        ("box of text", "finite"),
        ("no box", "no box"),
    ],
)
def test_broken_row_of_a_data_set(ask: Ask, rows: dict[str, Question], wrong: str, said: str) -> None:
    assert said in str(ask([rows[wrong]])[rows[wrong].uid].error)


def test_16_bit_image_of_a_data_set_is_scaled_or_refused(ask: Ask, rows: dict[str, Question]) -> None:
    grey = Image.fromarray(np.round(np.arange(4096) * (255 / 4095)).astype(np.uint8).reshape(64, 64))
    deep = ask([rows["16 bit"]])[rows["16 bit"].uid]
    scaled = ask([question("grey", grey, GOOD)])["grey"]
    assert deep.image == scaled.image or "8 bits" in str(deep.error)


# --- checkpoints ----------------------------------------------------------------------------------------------------


def copy(checkpoint: Path, folder: Path, *left_out: str) -> Path:
    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns(*left_out))
    return folder


def refused(said: str, family: str = "huatuo", method: str = "plain", **arguments: Any) -> str:
    """The error of a configuration; it names what is wrong."""
    with pytest.raises(ValueError, match=said) as caught:
        build(family, method, **arguments)
    return str(caught.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_unknown_type_of_checkpoint(checkpoint: Path, tmp_path: Path, family: str) -> None:
    folder = copy(checkpoint, tmp_path / "bert", "config.json")
    (folder / "config.json").write_text('{"model_type": "bert", "num_hidden_layers": 5, "num_attention_heads": 4}')
    message = refused("model_type 'bert'", family, pretrained=str(folder))
    assert "allowed is 'llava'" in message
    assert str(folder) in message


@pytest.mark.parametrize(
    ("config", "said"), [("{", "config.json"), ("{}", "num_hidden_layers"), ('{"model_type": "llava"}', "num_hidden")]
)
def test_broken_config(tmp_path: Path, config: str, said: str) -> None:
    (tmp_path / "config.json").write_text(config)
    assert str(tmp_path) in refused(said, pretrained=str(tmp_path))


def test_folder_without_config(checkpoint: Path, tmp_path: Path) -> None:
    folder = copy(checkpoint, tmp_path / "c", "config.json")
    assert "no config.json" in refused(str(folder), pretrained=str(folder))


@pytest.mark.parametrize("name", ["no_such_folder", "/no/such/folder", "some/repository"])
def test_no_such_checkpoint(name: str) -> None:
    assert "no such folder" in refused(name, pretrained=name)


def test_checkpoint_without_weights(checkpoint: Path, tmp_path: Path) -> None:
    folder = copy(checkpoint, tmp_path / "c", "*.safetensors")
    assert "safetensors" in refused("no .*weights", pretrained=str(folder))


@pytest.mark.parametrize("stray", [False, True])
def test_pickled_weights_are_never_read(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stray: bool
) -> None:
    folder = copy(checkpoint, tmp_path / "c", "*.safetensors")
    torch.save(load_file(checkpoint / "model.safetensors"), folder / "pytorch_model.bin")
    if stray:  # another safetensors file beside them is no reason to read them either
        save_file({"a": torch.ones(1)}, folder / "adapter.safetensors")
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("a pickle was read"))
    message = refused("safetensors", pretrained=str(folder))
    assert str(folder) in message
    assert stray or ".bin files are pickles" in message


def changed(checkpoint: Path, folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> str:
    copy(checkpoint, folder, "model.safetensors")
    weights = load_file(checkpoint / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def query(weights: dict[str, torch.Tensor], layer: int) -> str:
    """Name of a layer's query weight in the text model, however the file calls that."""
    (name,) = (
        name for name in weights if name.endswith(f".layers.{layer}.self_attn.q_proj.weight") and "language" in name
    )
    return name


def test_missing_tensors(checkpoint: Path, tmp_path: Path) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights.pop(query(weights, 2)))
    assert "q_proj.weight" in refused("1 weights are missing", pretrained=folder)


def test_tensors_of_another_shape(checkpoint: Path, tmp_path: Path) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights.update({query(weights, 2): torch.ones(2, 2)}))
    assert "q_proj.weight" in refused("1 have another shape", pretrained=folder)


def test_damaged_weights_file(checkpoint: Path, tmp_path: Path) -> None:
    folder = copy(checkpoint, tmp_path / "c")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    assert str(folder) in refused("weights cannot be loaded", pretrained=str(folder))


@pytest.mark.parametrize(("method", "said"), [("plain", "logits"), ("vgrefine", "attention is not finite")])
@pytest.mark.parametrize("align", [False, True])
def test_attention_that_is_nan(checkpoint: Path, tmp_path: Path, method: str, said: str, align: bool) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights[query(weights, 1)].fill_(float("nan")))
    answerer = build("huatuo", method, pretrained=folder, **(VGREFINE if method == "vgrefine" else {}))
    asked = [good(uid, boxes=[[5, 5, 30, 30]], align=align) for uid in "ab"]
    errors = [str(record.error) for _, record in answerer.answer(asked)]
    assert all(said in error and "not finite" in error for error in errors)
    assert answerer.tally.failed == 2
    assert [record.error for record in read_records([answerer.journal.path])] == errors


def test_attention_that_is_nan_behind_the_triage_layers(checkpoint: Path, tmp_path: Path) -> None:
    folder = changed(checkpoint, tmp_path / "c", lambda weights: weights[query(weights, 4)].fill_(float("nan")))
    answerer = build("huatuo", "vgrefine", pretrained=folder, **VGREFINE)
    ((_, record),) = answerer.answer([good("a")])
    assert "logits are not finite" in str(record.error)


# --- arguments ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def only_config(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint without weights: what is refused with any other message was refused before they were looked for."""
    return str(copy(checkpoint, tmp_path_factory.mktemp("config") / "c", "*.safetensors"))


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"dtype": "int8"}, "dtype='int8'", "bfloat16"),
    ({"device": "gpu"}, "device='gpu'", "cpu"),
    ({"device": 0}, "device=0", "cpu"),
    ({"batch_size": 0}, "batch_size=0", "positive integer"),
    ({"batch_size": "auto"}, "batch_size='auto'", "positive integer"),
    ({"batch_size": True}, "batch_size=True", "positive integer"),
    ({"geometry": "crop"}, "geometry='crop'", "true, stretch"),
    ({"geometry": False}, "geometry='false'", "true, stretch"),
    ({"rows": "first"}, "rows='first'", "last, question, all"),
    ({"p": 101}, "p=101", "0 to 100"),
    ({"p": -0.5}, "p=-0.5", "0 to 100"),
    ({"p": float("nan")}, "p=nan", "0 to 100"),
    ({"k": 3}, "k=3", "1 to 2"),
    ({"k": 0}, "k=0", "1 to 2"),
    ({"k": 1.5}, "k=1.5", "1 to 2"),
    ({"mask": "middle"}, "mask='middle'", "'pre' or 'post'"),
    ({"layers": 5}, "layers=5", "0 to 4"),
    ({"layers": "3-4"}, "layers='3-4'", "34+35+36"),
    ({"layers": True}, "layers=True", "34+35+36"),
    ({"heads": "5-0"}, "heads=5-0", "layers 0 to 4"),
    ({"heads": "1-4"}, "heads=1-4", "heads 0 to 3"),
    ({"heads": "1-0+1-0"}, "heads=1-0", "twice"),
    ({"heads": "best"}, "heads='best'", "huatuo_vision_7b"),
    ({"heads": 7}, "heads=7", "layer-head pairs"),
    ({"heads": "none.json"}, "heads='none.json'", "cannot be read"),
    ({"heads": "huatuo_vision_7b"}, "heads='huatuo_vision_7b'", "5 layers of 4 heads"),
    ({"alpha": 1, "topk": 2}, "alpha, topk not known to 'vgrefine'", "heads, k, layers, mask, p, pretrained"),
]


@pytest.mark.parametrize(
    ("arguments", "named", "allowed"),
    [
        *FIELDS,
        ({"p": "high"}, "p='high'", "0 to 100"),
        ({"p": True}, "p=True", "0 to 100"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_argument_is_refused_before_weights_are_read(
    only_config: str, arguments: dict[str, Any], named: str, allowed: str
) -> None:
    message = refused(re.escape(named), "huatuo", "vgrefine", pretrained=only_config, **{**VGREFINE, **arguments})
    assert allowed in message


def test_good_arguments_get_as_far_as_the_weights(only_config: str) -> None:
    """Without this the test above could pass for a folder that is refused for another reason."""
    refused("no \\*.safetensors weights", "huatuo", "vgrefine", pretrained=only_config, **VGREFINE)


def test_cuda_where_there_is_none(only_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "allowed here is cpu" in refused("device='cuda:0'", pretrained=only_config, device="cuda:0")


def test_hyper_parameter_of_another_method(only_config: str) -> None:
    assert "'plain'" in refused("p not known", pretrained=only_config, p=50)


def head_list(path: Path, **changes: Any) -> str:
    values = {"models": ["a"], "num_layers": 5, "num_heads": 4, "heads": [[1, 0]], "layers": [3], "source": "s"}
    path.write_text(json.dumps(values | changes))
    return str(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_layers": 6}, "6 layers of 4 heads"),
        ({"heads": []}, "none are known"),
        ({"heads": [[1]]}, "heads"),
        ({"heads": [[9, 9]]}, "9-9"),
        ({"layers": [9]}, "layers=9"),
        ({"layers": []}, "knockout layers"),
        ({"extra": 1}, "extra"),
    ],
)
def test_head_list_file(only_config: str, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = head_list(tmp_path / "heads.json", **changes)
    assert said in refused("heads|layers", "huatuo", "vgrefine", pretrained=only_config, heads=path)


def test_head_list_file_is_taken(checkpoint: Path, tmp_path: Path) -> None:
    answerer = build("llava", "vgrefine", pretrained=str(checkpoint), heads=head_list(tmp_path / "heads.json"))
    assert answerer.method == VGRefine(((1, 0),), (3,), 1)
    answerer.journal.close()


def test_llava_without_heads_says_how_to_obtain_them(only_config: str) -> None:
    message = refused("heads: none are known", "llava", "vgrefine", pretrained=only_config)
    assert only_config in message
    assert "lmms-vg heads calibrate" in message


@pytest.mark.parametrize("family", FAMILIES)
def test_the_command_in_that_message_is_one_that_is_taken(only_config: str, family: str) -> None:
    from lmms_vg import cli

    message = refused("lmms-vg heads calibrate", family, "vgrefine", pretrained=only_config)
    command = message.split("lmms-vg ", 1)[1].split(", then", 1)[0]
    given = cli._parser().parse_args(command.split())
    assert (given.family, given.pretrained) == (family, only_config)
    assert given.data in measurement.TASKS


BIG = {
    "model_type": "llava_llama",
    "mm_vision_tower": "./vit/clip_vit_large_patch14_336",
    "mm_projector_type": "mlp2x_gelu",
    "num_hidden_layers": 60,
    "num_attention_heads": 56,
    "num_key_value_heads": 8,
    "hidden_size": 7168,
    "vocab_size": 64000,
}


@pytest.fixture
def big(tmp_path: Path) -> str:
    folder = tmp_path / "HuatuoGPT-Vision-34B"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(BIG))
    return str(folder)


def test_34b_heads_must_be_calibrated(big: str) -> None:
    assert "lmms-vg heads calibrate" in refused("heads: none are known", "huatuo", "vgrefine", pretrained=big)
    assert shipped()["huatuo_vision_34b"].layers == [34, 35, 36]
    refused("no \\*.safetensors weights", "huatuo", "vgrefine", pretrained=big, heads="34-0+59-55", layers="34+35+36")


def test_34b_layers_are_known(big: str) -> None:
    method = METHODS["vgrefine"].for_checkpoint(Shape(big, 60, 56, BIG), heads="34-0+59-55")
    assert method == VGRefine(((34, 0), (59, 55)), (34, 35, 36), 2)


def test_7b_list_is_found_by_the_folders_name_and_shape() -> None:
    method = METHODS["vgrefine"].for_checkpoint(Shape("/x/HuatuoGPT-Vision-7B-hf", 28, 28, {}))
    assert isinstance(method, VGRefine)
    assert (method.heads[0], method.layers, method.k, method.p) == ((15, 4), (16,), 20, 50.0)
    with pytest.raises(ValueError, match="none are known"):
        METHODS["vgrefine"].for_checkpoint(Shape("/x/HuatuoGPT-Vision-7B-hf", 5, 4, {}))
