"""What of a foreign text may be kept on the disk."""

from __future__ import annotations

import re
from functools import lru_cache

from optischema_tui.core.safe_text import redact
from optischema_tui.core.workload.literals import is_normalised


def storable(text: str) -> str:
    """`text` without secrets and encodable.

    The server has replaced the literals of SELECT, INSERT, UPDATE, DELETE and their like by $n: those are kept as
    they are, since `password = lower($1)` is no secret and a changed text could not be planned any more. Every
    other statement keeps its literals (ALTER ROLE .. PASSWORD '..') and is redacted.
    """
    kept = text if is_normalised(text) else redact(text)
    return kept.encode("utf-8", "replace").decode("utf-8")


_HEAD = 200
_COMMANDS = re.compile(
    r"(?i)[\s(]*+(abort|alter|analyze|begin|call|checkpoint|close|cluster|comment|commit|copy|create|deallocate|declare"
    r"|discard|do|drop|end|execute|explain|fetch|grant|import|listen|load|lock|move|notify|prepare|reassign|refresh"
    r"|reindex|release|reset|revoke|rollback|savepoint|security|set|show|start|truncate|unlisten|vacuum)\b"
)


@lru_cache(maxsize=2000)
def query_head(text: str) -> str:
    """What may be stored of the beginning of a query that the server has not normalised: its shape, without literals.

    SELECT, INSERT, UPDATE, DELETE and their like with `?` for each literal; of any other statement the command alone.
    """
    if is_normalised(text):
        from optischema_tui.core.workload.fingerprint import normalise

        return storable(normalise(text))[:_HEAD]
    command = _COMMANDS.match(text)
    return command[1].upper() if command else ""
