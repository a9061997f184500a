"""Sizes as people write and read them."""

from __future__ import annotations

import re

from optischema_tui.core.errors import UsageError
from optischema_tui.core.safe_text import one_line

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(text: str) -> int:
    """'500MB' -> 524288000 bytes. Raises UsageError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", text, re.IGNORECASE)
    if match is None:
        raise UsageError(f"{one_line(text, 40)!r} is not a size", "", "Write it like 500MB, 2GB or 1048576")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def size(count: float) -> str:
    """1536 -> '1.5 kB' in PostgreSQL's units (1 kB = 1024)."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
