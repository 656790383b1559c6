"""Whether the hub's libraries are offline, as they themselves read their switches when they are imported."""

from __future__ import annotations

from collections.abc import Iterator

from lmms_vg.doctor.finding import Check, CheckResult, note, ok


def in_force() -> Iterator[CheckResult]:
    """The hub's client decides for models and for our data sets, the datasets library for other tasks of lmms-eval."""
    from datasets import config
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        yield ok("HF_HUB_OFFLINE: nothing is downloaded; models and data sets must be here")
    else:
        yield ok("online: models and data sets that are not here are downloaded")
    if config.HF_HUB_OFFLINE != constants.HF_HUB_OFFLINE:
        yield note("HF_DATASETS_OFFLINE says otherwise, to the datasets library only", "unset HF_DATASETS_OFFLINE")


CHECKS: dict[str, Check] = {"in force": in_force}
