"""Names of changes: UUIDv7, so that they sort by the time they were made."""

from __future__ import annotations

import os
import uuid

from optischema_tui.core.clock import SYSTEM, Clock


def uuid7(clock: Clock = SYSTEM) -> str:
    """A new UUIDv7 (RFC 9562): 48 bits of milliseconds since 1970, then random bits."""
    milliseconds = int(clock.wall() * 1000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
    return str(uuid.UUID(int=value))


def short(change_id: str) -> str:
    """8 hex digits that tell changes apart. The last ones: the first are the time, equal for a minute's changes."""
    return change_id.replace("-", "")[-8:]


def application_name(change_id: str) -> str:
    """What the server shows for the session that carries the change out."""
    return f"optischema/{short(change_id)}"
