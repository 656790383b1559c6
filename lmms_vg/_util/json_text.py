"""Parse JSON from untrusted files; everything that is wrong with it raises ValueError."""

from __future__ import annotations

import json
from typing import Any


def parse_json(data: bytes) -> Any:
    """Parse a JSON text. NaN and Infinity are allowed, since Python and lmms-eval write them.

    Args:
        data: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: not UTF-8, not JSON, nested too deeply, or half a surrogate pair, which is not text. The message has
            the reason; the caller adds file and line.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"))
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 ({error.reason} at byte {error.start})") from error
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(f"not text ({half!a} is half a surrogate pair)") from error
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error
    return value
