"""Why a question has no answer or no value: a code for programs, beside words for people, which may change freely.

A code is set where the error is raised, by the class of the exception. It goes from there to the journal's record, the items of
lmms-eval's samples files, the runs that are read from them, and the answers of a bundle.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

ErrorCode = Literal["model", "image", "question", "no_boxes", "bad_box", "unmeasurable", "no_control"]

#: Code -> what it means. A code never changes its meaning.
ERROR_CODES: dict[ErrorCode, str] = {
    "model": "the model gave no answer, or no record of its attention",
    "image": "an image is missing or cannot be read",
    "question": "cannot be asked or scored as it is: no text, too long, no image where one is needed, no reference answer",
    "no_boxes": "has no annotated box, which the measurement or the method needs",
    "bad_box": "an annotated box is not one: not four finite numbers, empty, inverted, or outside the image",
    "unmeasurable": "attention cannot be measured on this model: it does not see the boxes, or has no row to read it from",
    "no_control": "the control of the run cannot be made of this question: no disjoint place, or no other image",
}

#: Of a measurement: the same question has no value on this model every time, however often it is asked.
UNMEASURED: frozenset[ErrorCode] = frozenset({"no_boxes", "bad_box", "unmeasurable", "no_control"})


class Failure(NamedTuple):
    """Why a question has no answer or no value."""

    code: ErrorCode
    error: str

    @classmethod
    def of(cls, problem: Exception) -> Failure:
        """Return what an exception says, without the exception, whose frames hold images and tensors."""
        return cls(code_of(problem), f"{type(problem).__name__}: {problem}")


class CodedError(ValueError):
    """Base of the errors that have another code than `model`."""

    code: ClassVar[ErrorCode]


class BadImage(CodedError):
    code = "image"


class BadQuestion(CodedError):
    code = "question"


class NoBoxes(CodedError):
    code = "no_boxes"


class BadBox(CodedError):
    code = "bad_box"


class Unmeasurable(CodedError):
    code = "unmeasurable"


class NoControl(CodedError):
    code = "no_control"


def code_of(problem: BaseException) -> ErrorCode:
    """Return the code of an exception; `model` for all that were not foreseen."""
    return problem.code if isinstance(problem, CodedError) else "model"
