"""Parse JSON from untrusted files; everything that is wrong with it raises ValueError."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any


class _TwiceError(ValueError):
    pass


def parse_json(data: bytes) -> Any:
    """Parse a JSON text. NaN and Infinity are allowed, since Python and lmms-eval write them.

    Args:
        data: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: not UTF-8, not JSON, a name twice in an object, nested too deeply, or half a surrogate pair, which is
            not text. The message has the reason; the caller adds file and line.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8-sig"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 ({error.reason} at byte {error.start})") from error
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(f"not text ({half!a} is half a surrogate pair)") from error
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error
    except _TwiceError:
        raise
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error
    return value


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, for `json.loads`; Python alone would let the last of equal names win.

    Raises:
        ValueError: a name appears twice.
    """
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise _TwiceError(f"{twice[:100]!r} appears twice")
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=members)

#: An escape that may be half a pair; both halves of a pair match, too.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
