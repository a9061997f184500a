"""A bad network between the program and a real server: delays, resets, black holes, half-open and crawling lines."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with 0 s: closing then sends RST, and what was not sent is thrown away."""


@dataclass(eq=False)
class _Line:
    """One client's connection and its way on to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    pumps: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Forwards 127.0.0.1:`port` to a server's TCP port or Unix socket; its faults are set while it runs.

        async with Proxy(port=cluster.port) as proxy: ...

    Faults hold for lines that exist and for those to come, until `heal()`.
    """

    def __init__(self, *, port: int = 0, unix: Path | None = None) -> None:
        self._upstream_port = port
        self._upstream_unix = unix
        self._lines: set[_Line] = set()
        self._listener: asyncio.Server | None = None
        self._healthy = asyncio.Event()
        self._healthy.set()
        self.port = 0
        self.accepted = 0
        """Connections that were accepted so far."""
        self.delay = 0.0
        """Seconds by which each piece of an answer comes late."""
        self.crawl = 0.0
        """Seconds between two single bytes of an answer; 0: no crawling."""
        self.quota: int | None = None
        """Bytes of answers that still pass before the line falls silent; None: no limit."""

    async def __aenter__(self) -> Proxy:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.close()
        for line in list(self._lines):
            await self._end(line)
        await self._listener.wait_closed()

    # --- faults ---

    def black_hole(self) -> None:
        """From now on no byte passes in either direction; connections are still accepted and never answered."""
        self._healthy.clear()

    def fall_silent_after(self, count: int) -> None:
        """`count` more bytes of answers pass, then none: an answer ends in its middle."""
        self.quota = count

    def reset(self) -> None:
        """Cut every line with RST."""
        for line in list(self._lines):
            raw = line.client.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            line.client.transport.abort()

    async def half_open(self) -> None:
        """Let the server's side end without the client hearing of it, as after a firewall forgot the line."""
        for line in self._lines:
            for pump in line.pumps:
                pump.cancel()
            if line.server is not None:
                line.server.transport.abort()

    def heal(self) -> None:
        self.delay = self.crawl = 0.0
        self.quota = None
        self._healthy.set()

    # --- work ---

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        line = _Line(writer)
        self._lines.add(line)
        try:
            await self._healthy.wait()
            if self._upstream_unix is not None:
                answers, questions = await asyncio.open_unix_connection(str(self._upstream_unix))
            else:
                answers, questions = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            line.server = questions
            line.pumps = [
                asyncio.create_task(self._ask(reader, questions)),
                asyncio.create_task(self._answer(answers, writer)),
            ]
            await asyncio.wait(line.pumps, return_when=asyncio.FIRST_COMPLETED)
            if any(pump.cancelled() for pump in line.pumps):
                await reader.read()  # half-open: until the client itself goes
        except OSError:
            pass  # the server is down: the client sees its line end, as it would without us
        finally:
            await self._end(line)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                await self._healthy.wait()
                writer.write(piece)
                await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                await self._healthy.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.quota is not None:
                    piece, self.quota = piece[: self.quota], max(0, self.quota - len(piece))
                    if not self.quota:
                        self.black_hole()
                for part in [piece[n : n + 1] for n in range(len(piece))] if self.crawl else [piece]:
                    await asyncio.sleep(self.crawl)
                    writer.write(part)
                    await writer.drain()

    async def _end(self, line: _Line) -> None:
        self._lines.discard(line)
        for pump in line.pumps:
            pump.cancel()
        for writer in (line.client, line.server):
            if writer is not None:
                writer.close()
        await asyncio.gather(*line.pumps, return_exceptions=True)
