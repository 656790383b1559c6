"""JSON that somebody else wrote: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import json
from typing import Any


def parse_json(data: bytes) -> Any:
    """The value of a JSON text. NaN and Infinity are taken, since Python and lmms-eval write them.

    Args:
        data: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: not UTF-8, not JSON, nested too deeply, or with half a surrogate pair, which no text may hold. The
            message says which; the caller adds file and line.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"))
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as problem:
        raise ValueError(f"not UTF-8 ({problem.reason} at byte {problem.start})") from problem
    except UnicodeEncodeError as problem:
        half = problem.object[problem.start]
        raise ValueError(f"not text ({half!a} is half a surrogate pair)") from problem
    except RecursionError as problem:
        raise ValueError("nested too deeply to be read") from problem
    except ValueError as problem:
        raise ValueError(f"not JSON ({problem})") from problem
    return value
