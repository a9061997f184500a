"""What of a foreign text may be kept on the disk."""

from __future__ import annotations

import re

from optischema_tui.core.safe_text import redact

_DML = re.compile(
    r"(?is)\A(?:\s|\(|(?>--[^\n]*(?:\n|\Z))|(?>/\*.*?\*/))*+(?:select|insert|update|delete|merge|with|values|table)\b"
)


def storable(text: str) -> str:
    """`text` without secrets and encodable.

    The server has replaced the literals of SELECT, INSERT, UPDATE, DELETE and their like by $n: those are kept as
    they are, since `password = lower($1)` is no secret and a changed text could not be planned any more. Every
    other statement keeps its literals (ALTER ROLE .. PASSWORD '..') and is redacted.
    """
    kept = text if _DML.match(text) else redact(text)
    return kept.encode("utf-8", "replace").decode("utf-8")
