"""The observing connection (asyncpg): one, read-only, with limits on the server and a deadline of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, ServerLost, TargetError
from optischema_tui.core.models import ObserverCost
from optischema_tui.core.safe_text import one_line, redact
from optischema_tui.core.target import failures
from optischema_tui.core.target.driver_arguments import driver_arguments
from optischema_tui.core.target.session import CONNECT_SECONDS
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

PACKAGE = "optischema_tui.core.target"
DEADLINE_SECONDS = 8.0
"""Longer than the server's own statement_timeout: it only ends a wait for a server or network that is silent."""


class Observer:
    """A connection for reading statistics. Not for use by two tasks at once."""

    def __init__(self, connection: Any, spec: TargetSpec, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._queries = 0
        self._seconds = 0.0
        self.spec = spec
        self.pooled = False
        """A connection pooler stands between: each query then carries its own limits in its own transaction."""

    @classmethod
    async def connect(cls, spec: TargetSpec, *, timeout: float = 0, clock: Clock = SYSTEM) -> Observer:
        """A connection with its guards set, within `timeout` seconds (0: the target's connect_timeout, else 10).

        Raises TargetError, AuthError, ServerLost or MissingPart.
        """
        import asyncpg

        named = spec.get("connect_timeout")
        within = timeout or (float(named) if named.isdecimal() and int(named) else CONNECT_SECONDS)
        try:
            async with asyncio.timeout(within):
                connection = await asyncpg.connect(**driver_arguments(spec), timeout=within + 1)
        except TimeoutError:
            raise failures.timed_out(spec, within) from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise _mapped(error, spec) from None
        observer = cls(connection, spec, clock)
        try:
            await observer._set_up()
        except BaseException:
            connection.terminate()
            raise
        return observer

    @property
    def closed(self) -> bool:
        return bool(self._connection.is_closed())

    async def fetch(self, sql: str, *arguments: object, timeout: float = DEADLINE_SECONDS) -> list[Any]:
        """The rows of one statement, as asyncpg Records. Text that is not valid UTF-8 has U+FFFD in it.

        Raises ServerLost when the connection broke or the deadline passed (the socket is then closed at once), else
        TargetError or MissingPart.
        """
        async with self._watched(timeout):
            if not self.pooled:
                return list(await self._connection.fetch(sql, *arguments))
            async with self._connection.transaction(readonly=True):
                await self._guard(local=True)
                return list(await self._connection.fetch(sql, *arguments))

    def take_cost(self) -> ObserverCost:
        """Queries sent and seconds waited since the last call."""
        cost = ObserverCost(self._queries, self._seconds)
        self._queries, self._seconds = 0, 0.0
        return cost

    async def close(self) -> None:
        """Say goodbye, but wait for no answer that does not come. Never raises a driver's error."""
        import asyncpg

        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            try:
                await self._connection.close(timeout=1)
            finally:
                self._connection.terminate()

    async def _set_up(self) -> None:
        async with self._watched(DEADLINE_SECONDS):
            # One transaction, so that a pooler cannot hand its statements to different servers.
            async with self._connection.transaction():
                await self._connection.set_type_codec(
                    "text",
                    schema="pg_catalog",
                    encoder=lambda text: text.encode("utf-8", "replace"),
                    decoder=lambda raw: bytes(raw).decode("utf-8", "replace"),
                    format="binary",
                )
                backend = await self._connection.fetchval(load(PACKAGE, "backend_pid"))
            self.pooled = is_pooled(self._connection.get_server_pid(), backend)
            if not self.pooled:
                await self._guard(local=False)
            if self._connection.get_settings().server_encoding == "SQL_ASCII":
                # The bytes then come as they are; under UTF8 the server would refuse to send what is not UTF-8.
                await self._connection.fetch(load(PACKAGE, "raw_bytes"))

    async def _guard(self, *, local: bool) -> None:
        # By query and not as start-up parameters, which poolers refuse.
        await self._connection.fetch(load(PACKAGE, "observer_guards"), local)

    @asynccontextmanager
    async def _watched(self, seconds: float) -> AsyncIterator[None]:
        """Count the cost, map the errors, and cut the connection at the deadline.

        Cutting is what ends the wait: cancelling would first ask the silent server to cancel.
        """
        import asyncpg

        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            self._connection.terminate()

        started = self._clock.monotonic()
        watchdog = asyncio.get_running_loop().call_later(seconds, expire)
        try:
            yield
        except asyncio.CancelledError:
            self._connection.terminate()
            raise
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if expired:
                raise failures.timed_out(self.spec, seconds) from None
            mapped = _mapped(error, self.spec)
            if self.closed and not isinstance(mapped, ServerLost):
                mapped = ServerLost(f"The connection to {failures.place(self.spec)} broke", mapped.why or mapped.what)
            raise mapped from None
        finally:
            watchdog.cancel()
            self._queries += 1
            self._seconds += self._clock.monotonic() - started


def is_pooled(handshake_pid: int, backend_pid: int) -> bool:
    """A pooler answers the handshake with a process id of its own making."""
    return handshake_pid != backend_pid


def _mapped(error: Exception, spec: TargetSpec) -> OptischemaError:
    import asyncpg

    if isinstance(error, asyncpg.PostgresError):
        return failures.from_server(error.sqlstate or "", str(error.args[0] if error.args else error), spec)
    if isinstance(error, OSError):
        return failures.from_system(error, spec)
    said = one_line(redact(str(error), spec.password), 300)
    if "password" in said and not spec.password:
        return failures.from_server("28P01", said, spec)
    if "closed" in said:
        return ServerLost(f"The connection to {failures.place(spec)} broke", said)
    return TargetError(f"{failures.place(spec)} cannot be used with these settings", said)
