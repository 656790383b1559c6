"""The cost model of a run: one form, whose constants are modelled for a GPU or measured.

    seconds = factor * (images * I + questions * (texts * T + D)) + questions * crops * I

I is the time of an image's prefix, T that of one pass over the tokens after the image, D that of decoding. On a GPU they follow
from its data sheet:

    I = 2 P N / F          one pass over the N tokens of an image
    T = 2 P 60 / F         one pass over the tokens after the image: question and template
    D = 4 * 2 P / B        four new tokens; each reads all weights, two bytes each, once

P: parameters. F: the bfloat16 peak times .4. B: the memory bandwidth times .6. `factor`, `texts` and `crops` depend on the
method (`WORK`). Questions are asked one at a time; batches read the weights less often. Not counted: loading weights, opening
images, reference prompts, scoring. `benchmarks.cost_form` compares the form with a run on a CPU; `benchmarks.ranks` applies it
to several ranks, and to the questions of the whole paper (docs/scaling.md).
"""

from __future__ import annotations

from typing import NamedTuple

from lmms_vg.tasks.registry import TASKS


class Device(NamedTuple):
    """A GPU by its data sheet.

    Attributes:
        name: what it is called.
        flops: floating-point operations per second in bfloat16, dense, at the peak.
        bandwidth: bytes per second from its memory, at the peak.
    """

    name: str
    flops: float
    bandwidth: float


A100 = Device("A100-80GB", 312e12, 2.0e12)
H100 = Device("H100-80GB", 989e12, 3.35e12)
#: Shares of the two peaks that a run is assumed to reach.
OF_FLOPS, OF_BANDWIDTH = 0.4, 0.6
IMAGE_TOKENS = 576  # of LLaVA-1.5 and HuatuoGPT-Vision
TEXT_TOKENS = 60
NEW_TOKENS = 4

STATED = (
    "seconds = factor x (images x I + questions x (texts x T + D)) + questions x crops x I, with I = 2 P N / F (an image's N "
    "tokens, 576 for LLaVA-1.5 and HuatuoGPT-Vision), T = 2 P 60 / F (question and template), D = 4 x 2 P / B (four new "
    "tokens, each reading all weights); P parameters, F = 312 TFLOP/s x .4, B = 2.0 TB/s x .6: an A100-80GB, one question at a "
    "time. Larger batches and prefixes shared between rows make it less; loading, opening images, reference prompts and "
    "scoring make it more. **Modelled**; docs/scaling.md compares it with one H100."
)


class Work(NamedTuple):
    """A method's share: `factor` times the cost of plain, `texts` passes over the text, `crops` extra images per question."""

    why: str
    factor: float = 1.0
    texts: int = 1
    crops: int = 0


WORK = {
    "plain": Work("one pass"),
    "vgrefine": Work("measured against plain on a CPU, seven questions per image (docs/speed.md)", factor=1.06),
    "pai": Work("one pass; its explicit rows and its guidance are not counted"),
    "adaptvis": Work("the text once for the confidence and once under the weight", texts=2),
    "vicrop": Work("the text once for the map, then image and crop once more, for every question", texts=2, crops=2),
}

#: Task -> number of images in the published files; other tasks have at most one image per question.
IMAGES = {
    "vqa_rad_closed": 300,
    "vqa_rad_open": 267,
    "slake_closed": 641,
    "slake_open": 641,
    "pathvqa_closed": 839,
    "pathvqa_open": 849,
    "vqa_demo_standard": 75,
    "vqa_demo_hard": 75,
    "vqa_demo_open": 75,
    "vgmed_demo": 75,
}
#: Approximate number of questions in each of VGMED's four files: the paper counts pairs of image and box.
VGMED_ROWS = 14_000


def numbers(task: str) -> tuple[int, int]:
    """Return the numbers of questions and of images of one of our tasks; of images at most so many where they are not known."""
    questions = TASKS[task].n or VGMED_ROWS
    return questions, IMAGES.get(task, questions)


class Constants(NamedTuple):
    """The constants of one model on one device, in seconds.

    Attributes:
        prefix: the prefix of an image.
        text: one pass over the tokens after the image.
        decoding: the new tokens of an answer.
    """

    prefix: float
    text: float
    decoding: float

    @classmethod
    def modelled(cls, billions: float, device: Device = A100, image_tokens: int = IMAGE_TOKENS) -> Constants:
        """Return the constants of a model with this many billions of parameters, by the data sheet of a device."""
        parameters, flops = billions * 1e9, device.flops * OF_FLOPS
        return cls(
            prefix=2 * parameters * image_tokens / flops,
            text=2 * parameters * TEXT_TOKENS / flops,
            decoding=NEW_TOKENS * 2 * parameters / (device.bandwidth * OF_BANDWIDTH),
        )

    @property
    def question(self) -> float:
        """Seconds of a further question about an image, asked by plain."""
        return self.text + self.decoding

    def seconds(self, method: str, questions: int, images: int) -> float:
        """Return the seconds of a run.

        Args:
            method: a name in `WORK`.
            questions: number of questions.
            images: number of different images they are about.
        """
        work = WORK[method]
        shared = images * self.prefix + questions * (work.texts * self.text + self.decoding)
        return work.factor * shared + questions * work.crops * self.prefix


#: Measured with the random model of docs/speed.md on two CPU cores: 3.8 s per image, .55 s per question, .32 s of it decoding.
CPU = Constants(prefix=3.8, text=0.23, decoding=0.32)


def spoken(time: float) -> str:
    """Return a time in seconds as text, with two digits and a suitable unit.

    >>> spoken(5000), spoken(90), spoken(7), spoken(0.004)
    ('1.4 h', '1.5 min', '7 s', 'less than 1 s')
    """
    if time < 1:
        return "less than 1 s"
    size, unit = next(((size, unit) for size, unit in ((3600, "h"), (60, "min")) if time >= size), (1, "s"))
    return f"{time / size:.{0 if time >= 10 * size else 2}{'f' if time >= 10 * size else 'g'}} {unit}"
