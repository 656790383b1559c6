"""Check that the hub's gated repositories can be fetched. The token itself is never shown."""

from __future__ import annotations

from collections.abc import Iterator

from lmms_vg.doctor.check_result import Check, CheckResult, note, ok


def token() -> Iterator[CheckResult]:
    """Yield findings about the hub's token, from HF_TOKEN or a login; only the hub knows which terms were accepted."""
    from huggingface_hub import get_token

    from lmms_vg.models import FAMILIES

    cards = [family.card for family in FAMILIES.usable().values()]
    names = [checkpoint.name for card in cards for checkpoint in card.checkpoints if checkpoint.gated]
    if not names:
        return
    if get_token():
        yield ok(
            f"a token is there for gated repositories, whose terms must be accepted on the hub: {', '.join(names)}"
        )
    else:
        yield note(
            f"no token is there for gated repositories: {', '.join(names)}",
            "hf auth login   (after accepting their terms on the hub; or set HF_TOKEN)",
        )


CHECKS: dict[str, Check] = {"token": token}
