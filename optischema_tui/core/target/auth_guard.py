"""require_auth and channel_binding=require for asyncpg, which answers whatever login a server asks for.

The guard stands between the socket and asyncpg's protocol until the login is over, sees each of the server's requests
before asyncpg does, and speaks SCRAM with channel binding itself. The rules are libpq's (fe-auth.c).
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.target import failures
from optischema_tui.core.target.scram import MECHANISM, Scram
from optischema_tui.core.target.tls import end_point_hash

if TYPE_CHECKING:
    from optischema_tui.core.target.spec import TargetSpec

_OK, _GSS_CONTINUE, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 8, 10, 11, 12
_METHODS = {2: "krb5", 3: "password", 5: "md5", 7: "gss", 9: "sspi"}
_LONGEST = 65_536
"""Bytes of a message before the login is over."""


def is_needed(spec: TargetSpec) -> bool:
    return bool(spec.get("require_auth")) or spec.get("channel_binding") == "require"


class GuardedLoop:
    """The running loop as asyncpg is given it: the protocols that it connects are guarded.

    `refused` is the reason when a guard cut the connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, spec: TargetSpec) -> None:
        self._loop = loop
        self.spec = spec
        self.refused: OptischemaError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def __eq__(self, other: object) -> bool:
        """asyncio finds a loop's running task by the loop: this one stands for the real one there too."""
        return other is self._loop or other is self

    def __hash__(self) -> int:
        return hash(self._loop)

    async def create_connection(self, factory: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        transport, protocol = await self._loop.create_connection(lambda: self.guarded(factory()), *args, **kwargs)
        return transport, getattr(protocol, "inner", protocol)

    async def create_unix_connection(self, factory: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        transport, protocol = await self._loop.create_unix_connection(lambda: self.guarded(factory()), *args, **kwargs)
        return transport, getattr(protocol, "inner", protocol)

    async def start_tls(self, transport: Any, protocol: Any, context: ssl.SSLContext, **kwargs: Any) -> Any:
        secured = await self._loop.start_tls(transport, protocol, context, **kwargs)
        return secured and _Secured(secured, self)

    def guarded(self, protocol: Any) -> Any:
        """A guard for a protocol that will log in; others (asking for TLS, cancelling) as they are."""
        import asyncpg.protocol

        if self.refused is not None:  # sslmode=prefer would now try without TLS
            raise ConnectionAbortedError("the login was broken off")
        return _Guard(protocol, self) if isinstance(protocol, asyncpg.protocol.Protocol) else protocol


class _Secured:
    """A TLS transport that guards the protocol it is handed over to."""

    def __init__(self, transport: Any, loop: GuardedLoop) -> None:
        self._transport = transport
        self._guarding = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def set_protocol(self, protocol: Any) -> None:
        guard = self._guarding.guarded(protocol)
        if isinstance(guard, _Guard):
            guard.transport = self._transport
        self._transport.set_protocol(guard)


class _Refused(Exception):
    """Why the login is not gone on with; the text is for the person."""


class _Guard(asyncio.Protocol):
    def __init__(self, inner: Any, loop: GuardedLoop) -> None:
        self.inner = inner
        self.transport: Any = None
        self._loop = loop
        self._spec = loop.spec
        self._bound = loop.spec.get("channel_binding") == "require"
        self._buffer = b""
        self._method = "none"
        self._mutual = False
        """The server has proved that it knows the password."""
        self._scram: Scram | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.inner.connection_lost(error)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def eof_received(self) -> bool | None:
        return bool(self.inner.eof_received())

    def data_received(self, data: bytes) -> None:
        if self._loop.refused is not None:
            return
        self._buffer += data
        try:
            while len(self._buffer) >= 5:
                size = 1 + struct.unpack_from("!I", self._buffer, 1)[0]
                if not 5 <= size <= _LONGEST:
                    raise _Refused("It does not speak PostgreSQL's protocol")
                if len(self._buffer) < size:
                    return
                message, self._buffer = self._buffer[:size], self._buffer[size:]
                if self._take(message):
                    rest, self._buffer = self._buffer, b""
                    self.transport.set_protocol(self.inner)
                    self.inner.data_received(message + rest)
                    return
        except (_Refused, ValueError) as error:
            self._refuse(str(error))

    def _take(self, message: bytes) -> bool:
        """Let a message through, or answer it. True when the login is over: then it is the caller's to hand on."""
        if message[:1] != b"R":
            self.inner.data_received(message)
            return False
        if len(message) < 9:
            raise _Refused("It does not speak PostgreSQL's protocol")
        code, body = struct.unpack_from("!I", message, 5)[0], message[9:]
        if code == _OK:
            self._check_end()
            return True
        if code == _SASL:
            self._begin(body)
        elif code in (_SASL_CONTINUE, _SASL_FINAL, _GSS_CONTINUE):
            self._mutual = self._mutual or code == _SASL_FINAL
        else:
            self._allow(_METHODS.get(code, "an unknown method"))
        if self._scram is None:
            self.inner.data_received(message)
        elif code == _SASL:
            first = self._scram.first()
            self._answer(MECHANISM + b"\0" + struct.pack("!I", len(first)) + first)
        elif code == _SASL_CONTINUE:
            self._answer(self._scram.final(body))
        elif code == _SASL_FINAL:
            self._scram.check(body)
        return False

    def _begin(self, body: bytes) -> None:
        offered = body.split(b"\0")
        self._allow("scram-sha-256" if any(name.startswith(b"SCRAM-") for name in offered) else "oauth")
        if not self._bound:
            return
        if MECHANISM not in offered:
            raise _Refused("channel_binding=require, and the server does not offer it (it needs TLS and SCRAM)")
        secured = self.transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert(binary_form=True) if secured else None
        if not certificate:
            raise _Refused("channel_binding=require, and the connection is not encrypted")
        self._scram = Scram(self._spec.password, end_point_hash(certificate))

    def _allow(self, method: str) -> None:
        """Raise _Refused when the server's request is none that the target's keywords allow."""
        if self._method != "none":
            raise _Refused("It asks for a second login")
        self._method = method
        if self._bound and method != "scram-sha-256":
            raise _Refused(f"channel_binding=require, and it asks for {method}")
        if not allows(self._spec.get("require_auth"), method):
            raise _Refused(f"require_auth does not allow {method}, which it asks for")

    def _check_end(self) -> None:
        if self._method == "none":
            if self._bound:
                raise _Refused("channel_binding=require, and it asks for no login")
            if not allows(self._spec.get("require_auth"), "none"):
                raise _Refused("require_auth does not allow to log in without being asked, and it does not ask")
        if self._method == "scram-sha-256" and not self._mutual:
            raise _Refused("It did not prove that it knows the password")

    def _answer(self, body: bytes) -> None:
        self.transport.write(b"p" + struct.pack("!I", len(body) + 4) + body)

    def _refuse(self, why: str) -> None:
        self._loop.refused = failures.login_broken_off(self._spec, why)
        self.transport.abort()


def allows(require_auth: str, method: str) -> bool:
    """Whether libpq's require_auth (empty: anything) lets a server ask for `method`."""
    words = [word.strip() for word in require_auth.split(",") if word.strip()]
    if not words:
        return True
    if words[0].startswith("!"):
        return f"!{method}" not in words
    return method in words
