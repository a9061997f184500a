"""The session that carries a change out: direct, named after the change, alone on its table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.ids import application_name
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Change, quote
from optischema_tui.core.target.session import map_error, open_session
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

_LOOK_AGAIN = 0.05
STATEMENT_MS = 20_000
"""statement_timeout of everything but the build itself."""


@contextmanager
def work_session(spec: TargetSpec, change: Change, limits: Limits) -> Iterator[psycopg.Connection[Any]]:
    """A writing session named after the change. Raises TargetError; driver errors inside are mapped to it too."""
    import psycopg

    connection = open_session(
        spec,
        read_only=False,
        application_name=application_name(change.id),
        statement_timeout_ms=STATEMENT_MS,
        lock_timeout_ms=limits.probe_lock_ms,
    )
    try:
        ask(connection, "settings")
        yield connection
    except psycopg.Error as error:
        raise map_error(error, spec) from error
    finally:
        connection.close()


def who(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """session_user, current_user, client, backend_pid, backend_start, server_clock."""
    return ask(connection, "who")[0]


def act_as_owner(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    """Take the table owner's role where ours may take it and has not its rights anyway (NOINHERIT). Gives `who`.

    session_user stays what it was, for the server's log and for the audit.
    """
    import psycopg

    before = who(connection)
    tables = ask(connection, "table", schema=change.schema, table=change.table) if change.table else []
    if not tables or tables[0]["owns"] or not tables[0]["may_become_owner"]:
        return before
    owner = str(tables[0]["owner"])
    try:
        connection.execute(f"SET ROLE {quote(owner)}".encode())
    except psycopg.errors.InsufficientPrivilege:
        return before  # since 16 a membership may be without SET; the preflight names the missing GRANT
    return {**before, "current_user": owner}


@contextmanager
def as_login(connection: psycopg.Connection[Any], acting_as: str) -> Iterator[None]:
    """Look with the login's own eyes: the owner's role need not see other sessions."""
    if acting_as:
        connection.execute("RESET ROLE")
    try:
        yield
    finally:
        if acting_as and not connection.closed:
            connection.execute(f"SET ROLE {quote(acting_as)}".encode())


def set_timeouts(connection: psycopg.Connection[Any], statement_ms: int, lock_ms: int) -> None:
    ask(connection, "timeouts", statement=str(statement_ms), lock=str(lock_ms))


# --- the advisory lock: one change at a time on one table or setting, whoever begins it ---


def lock_key(change: Change) -> str:
    return kind_of(change.kind).lock_key(change)


@contextmanager
def lock_session(
    spec: TargetSpec, change: Change, connection: psycopg.Connection[Any]
) -> Iterator[psycopg.Connection[Any]]:
    """The session that takes the change's lock: `connection` itself, or one to the database that the kind names, since
    an advisory lock is of one database. Where that cannot be reached `connection` must do: `lock_holder` looks in all
    of them."""
    wanted = kind_of(change.kind).LOCK_DATABASE
    if not wanted or connection.info.dbname == wanted:
        yield connection
        return
    try:
        locker = open_session(
            replace(spec, params=tuple(sorted((dict(spec.params) | {"dbname": wanted}).items()))),
            application_name=application_name(change.id),
            statement_timeout_ms=STATEMENT_MS,
        )
    except OptischemaError:
        yield connection
        return
    try:
        ask(locker, "settings")
        yield locker
    finally:
        locker.close()


def try_lock(connection: psycopg.Connection[Any], change: Change) -> bool:
    """Take the change's lock for the life of this session if it is free. Never waits: a waiter blocks the build."""
    return bool(ask(connection, "try_lock", key=lock_key(change))[0]["locked"])


def lock_holder(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any] | None:
    """Who else holds the change's lock: pid, application_name, role, client, state, backend_start. The lock of what
    belongs to the whole cluster is found in whatever database it was taken."""
    anywhere = bool(kind_of(change.kind).LOCK_DATABASE)
    rows = ask(connection, "lock_holder", key=lock_key(change), anywhere=anywhere)
    return rows[0] if rows else None


def worker(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any] | None:
    """The session that the change's intent names, as `lock_holder` tells of one; None when it is gone. It need not be
    the one that has the lock (see `lock_session`), and may outlive that one."""
    pid, started = change.detail.get("backend_pid"), change.detail.get("backend_start")
    rows = ask(connection, "worker", pid=pid, started=started) if pid and started else []
    return rows[0] if rows else None


def lock_or_holder(connection: psycopg.Connection[Any], change: Change, limits: Limits) -> dict[str, Any] | None:
    """None when the lock is ours now, else its holder.

    The idle session of a program that was just killed is given a moment to go away.
    """
    pause = threading.Event()
    holder: dict[str, Any] | None = None
    for _ in range(max(1, round(limits.goodbye_seconds / _LOOK_AGAIN))):
        locked = try_lock(connection, change)
        holder = lock_holder(connection, change)
        if locked and holder is None:
            return None
        if holder is not None and holder["state"] != "idle":
            break
        pause.wait(_LOOK_AGAIN)
    return holder or {
        "pid": 0,
        "application_name": "",
        "role": "",
        "client": "unknown",
        "state": "",
        "backend_start": "",
    }


def describe(holder: dict[str, Any]) -> str:
    """A lock's holder in words."""
    return (
        f"process {holder['pid']} ({holder['application_name'] or 'unnamed'}, role {holder['role'] or 'hidden'}, "
        f"from {holder['client']})"
    )
