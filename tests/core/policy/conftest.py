"""Other users of the machine, and a change to approve."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from optischema_tui.core.models import Change, ChangeState, TargetIdentity, digest

NOW = 1_795_000_000.0
"""A moment in November 2026."""
ANNA, BERT, CARL = 3001, 3002, 3003
"""Users that need not be in the password file: the kernel knows numbers only."""
SQL = 'CREATE INDEX CONCURRENTLY "items_order_id" ON "public"."items" ("order_id")'


@contextmanager
def acting_as(uid: int, gid: int | None = None) -> Iterator[None]:
    """Let files be opened and made by `uid`; needs root."""
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def users() -> Callable[..., object]:
    """`with users(uid):`; skipped where this process may not act as others."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as other users of the machine")
    return acting_as


@pytest.fixture
def shared(users: Callable[..., object]) -> Iterator[Path]:
    """A directory that all users may enter and write, and in which nobody can remove what others wrote."""
    directory = Path(tempfile.mkdtemp(prefix="optischema-countersign-"))
    directory.chmod(0o1777)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def change() -> Change:
    """Approved by Anna."""
    return Change(
        id="019a9c3e-7b1f-7c00-8000-00000000abcd", recommendation_id="r1",
        target=TargetIdentity("7777777777777777777", 5, "shop", 180000, "Shop"),
        dsn="dbname=shop", kind="create_index", title="Index on items", forward_sql=SQL,
        inverse_sql='DROP INDEX CONCURRENTLY "public"."items_order_id"', sql_hash=digest(SQL),
        state=ChangeState.APPROVED, schema="public", table="items", index_name="items_order_id", approved_by="anna",
        approved_at=NOW - 60, updated_at=NOW - 60, detail={"risk": "low"},
    )  # fmt: skip
