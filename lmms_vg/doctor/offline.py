"""Check whether the hub's libraries are offline, according to the switches they read at import."""

from __future__ import annotations

from collections.abc import Iterator

from lmms_vg.doctor.check_result import Check, CheckResult, note, ok


def in_force() -> Iterator[CheckResult]:
    """The hub's client decides for models and our data sets, the `datasets` library for lmms-eval's other tasks."""
    from datasets import config
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        yield ok("HF_HUB_OFFLINE: nothing is downloaded; models and data sets must be here")
    else:
        yield ok("online: models and data sets that are not here are downloaded")
    if config.HF_HUB_OFFLINE != constants.HF_HUB_OFFLINE:
        yield note(
            "HF_DATASETS_OFFLINE differs from this; only the datasets library obeys it", "unset HF_DATASETS_OFFLINE"
        )


CHECKS: dict[str, Check] = {"in force": in_force}
