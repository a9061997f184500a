"""The observing connection (asyncpg): one, read-only, with limits on the server and a deadline of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.models import ObserverCost
from optischema_tui.core.target import failures
from optischema_tui.core.target.dial import dial, driver_error
from optischema_tui.core.target.encodings import codec_of, is_known
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

PACKAGE = "optischema_tui.core.target"
DEADLINE_SECONDS = 8.0
"""Longer than the server's own statement_timeout: it only ends a wait for a server or network that is silent."""
PREPARED_KEPT = 100
"""Statements that stay prepared on one connection."""


class Observer:
    """A connection for reading statistics. Not for use by two tasks at once."""

    def __init__(self, connection: Any, spec: TargetSpec, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._queries = 0
        self._seconds = 0.0
        self._deadline = float("inf")
        self.sent = 0
        """Queries sent over the whole life of the connection."""
        self._met: set[str] = set()
        self._prepared: dict[str, Any] = {}
        self.spec = spec
        self.pooled = False
        """A connection pooler stands between: each query then carries its own limits in its own transaction."""
        self.round_trip = 0.0
        """Seconds that a question of almost no work took at connect: the network's share of any answer."""
        self.encoding = "UTF8"
        """Of the connected database. Bytes made by textsend() come in it, unless it is SQL_ASCII: then as they are."""

    @classmethod
    async def connect(cls, spec: TargetSpec, *, timeout: float = 0, clock: Clock = SYSTEM) -> Observer:
        """A connection with its guards set, within `timeout` seconds a host (0: the target's connect_timeout, else 10).

        Raises TargetError, AuthError, ServerLost or MissingPart.
        """
        connection = await dial(spec, timeout)
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

    @property
    def pid(self) -> int:
        """The backend's process id; behind a pooler a number that means nothing."""
        return int(self._connection.get_server_pid())

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """No query of the block waits longer than until `seconds` from now."""
        before, self._deadline = self._deadline, self._clock.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = before

    async def fetch(self, sql: str, *arguments: object, timeout: float = DEADLINE_SECONDS) -> list[Any]:
        """The rows of one statement, as asyncpg Records. Text that is not valid UTF-8 has U+FFFD in it.

        Raises ServerLost when the connection broke or the deadline passed (the socket is then closed at once), else
        TargetError or MissingPart.
        """
        left = self._deadline - self._clock.monotonic()
        async with self._watched(max(0.001, min(timeout, left))):
            if not self.pooled:
                return await self._fetch_prepared(sql, arguments)
            async with self._connection.transaction(readonly=True):
                await self._guard(local=True)
                return list(await self._connection.fetch(sql, *arguments))

    async def _fetch_prepared(self, sql: str, arguments: tuple[object, ...]) -> list[Any]:
        """What is asked again and again is parsed and planned once for the connection: from its second time on."""
        import asyncpg

        prepared = self._prepared.get(sql)
        if prepared is None and sql in self._met and len(self._prepared) < PREPARED_KEPT:
            name = f"optischema_{len(self._prepared)}"
            prepared = self._prepared[sql] = await self._connection.prepare(sql, name=name)
        self._met.add(sql)
        if prepared is not None:
            # A view that was replaced since is asked by its text, from now on.
            with suppress(asyncpg.InvalidCachedStatementError):
                return list(await prepared.fetch(*arguments))
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
        server_encoding = str(self._connection.get_settings().server_encoding)
        self.encoding = server_encoding if is_known(server_encoding) else "UTF8"
        codec = codec_of(self.encoding)
        async with self._watched(DEADLINE_SECONDS):
            # One transaction, so that a pooler cannot hand its statements to different servers.
            async with self._connection.transaction():
                await self._connection.set_type_codec(
                    "text",
                    schema="pg_catalog",
                    encoder=lambda text: text.encode(codec, "replace"),
                    decoder=lambda raw: bytes(raw).decode(codec, "replace"),
                    format="binary",
                )
                started = self._clock.monotonic()
                backend = await self._connection.fetchval(load(PACKAGE, "backend_pid"))
                self.round_trip = (self._clock.monotonic() - started) / 2  # parsed, then executed
            self.pooled = is_pooled(self._connection.get_server_pid(), backend)
            if not self.pooled:
                await self._guard(local=False)
            if self.encoding != "UTF8":
                # The server then converts nothing: no text of another database can make a query fail. Under the name
                # of LATIN1 any byte passes, and SQL_ASCII may hold any.
                name = "LATIN1" if self.encoding == "SQL_ASCII" else self.encoding
                await self._connection.fetch(load(PACKAGE, "client_encoding"), name)

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
            mapped = driver_error(error, self.spec)
            if self.closed and not isinstance(mapped, ServerLost):
                mapped = ServerLost(f"The connection to {failures.place(self.spec)} broke", mapped.why or mapped.what)
            raise mapped from None
        finally:
            watchdog.cancel()
            self._queries += 1
            self.sent += 1
            self._seconds += self._clock.monotonic() - started


def is_pooled(handshake_pid: int, backend_pid: int) -> bool:
    """A pooler answers the handshake with a process id of its own making."""
    return handshake_pid != backend_pid
