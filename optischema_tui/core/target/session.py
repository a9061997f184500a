"""Sessions through libpq (psycopg): for planning, for reading the catalog, and for changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import AuthError, OptischemaError, TargetError
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target import failures
from optischema_tui.core.target.driver_arguments import (
    APPLICATION_NAME,
    each_host,
    libpq_arguments,
    none_worked,
)
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

_PACKAGE = "optischema_tui.core.target"


def open_session(
    spec: TargetSpec,
    *,
    autocommit: bool = True,
    read_only: bool = True,
    application_name: str = APPLICATION_NAME,
    statement_timeout_ms: int = 20_000,
    lock_timeout_ms: int = 500,
) -> psycopg.Connection[Any]:
    """A connected session whose guards are set; use it as a context manager. Timeouts of 0 mean none.

    When the server refuses a password that can be renewed, it is renewed and tried once more.
    Raises TargetError, AuthError, ServerLost or MissingPart. Behind a connection pooler it raises TargetError: the
    session's limits, locks and prepared statements would reach other clients of the pooler.
    """
    import psycopg

    current = spec.newest
    try:
        connection = _first(current, application_name)
    except AuthError:
        newer = current.renewed()
        if newer is None:
            raise
        connection = _first(newer, application_name)
    try:
        handshake = connection.info.backend_pid
        guards = ("on" if read_only else "off", str(statement_timeout_ms), str(lock_timeout_ms), handshake)
        backend = connection.execute(load(_PACKAGE, "session_guards"), guards).fetchone()
        if backend is None or backend[0] != handshake:
            connection.close()
            raise pooler_between(spec)
        connection.autocommit = autocommit
    except (psycopg.Error, OSError) as error:
        connection.close()
        raise map_error(error, spec) from None
    return connection


def pooler_between(spec: TargetSpec) -> TargetError:
    return TargetError(
        f"A connection pooler stands between this machine and the server of {failures.place(spec)}",
        "What a session sets or locks would reach other clients of the pooler; observing works through it",
        "Connect to the server itself for plans, advice and changes",
    )


def _first(spec: TargetSpec, application_name: str) -> psycopg.Connection[Any]:
    """A connection to the first host that answers as the target wants it. Raises TargetError and its kinds."""
    import psycopg

    errors: list[OptischemaError] = []
    for host in each_host(spec):
        try:
            return psycopg.connect(**libpq_arguments(host, application_name), autocommit=True, prepare_threshold=None)
        except (psycopg.Error, OSError) as error:
            errors.append(map_error(error, host))
    raise none_worked(errors)


@contextmanager
def reading(spec: TargetSpec) -> Iterator[psycopg.Connection[Any]]:
    """`open_session`, and what the server says while it is open is raised as the project's errors too."""
    import psycopg

    with open_session(spec) as connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise map_error(error, spec) from error


def map_error(error: psycopg.Error | OSError, spec: TargetSpec) -> OptischemaError:
    """The project's error for a driver's or the system's one. Holds no secret and no raw connection string."""
    if isinstance(error, OSError):
        return failures.from_system(error, spec)
    message = error.diag.message_primary or str(error)
    if error.sqlstate:
        return failures.from_server(error.sqlstate, message, spec)
    return failures.from_text(message, spec)


def identify(connection: psycopg.Connection[Any], label: str = "") -> TargetIdentity:
    """Which database of which cluster this session is in. Driver errors pass through.

    Where the role may not read the system identifier, the address stands in for it.
    """
    row = connection.execute(load(_PACKAGE, "identity")).fetchone()
    assert row is not None  # a query without FROM answers with one row
    version, oid, database, may_read = row
    host, port = connection.info.host, str(connection.info.port)
    system = address_identifier(host, port)
    if may_read:
        answer = connection.execute(load(_PACKAGE, "system_identifier")).fetchone()
        system = str(answer[0]) if answer else system
    return TargetIdentity(system, int(oid), str(database), int(version), label or f"{host}/{database}")


def address_identifier(host: str, port: str) -> str:
    """The name of a cluster that hides its system identifier: its address as the person gave it."""
    return f"at {host}:{port}"
