"""Driver and system errors told as sentences. Both drivers' errors end here, so that one failure reads the same."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable

from optischema_tui.core.errors import (
    AuthError,
    MissingPart,
    NoFreeConnection,
    OptischemaError,
    ServerLost,
    TargetError,
)
from optischema_tui.core.safe_text import one_line, redact
from optischema_tui.core.target.spec import TargetSpec

WHERE_PASSWORDS_GO = (
    "Put it in ~/.pgpass (mode 0600), in a service file, in the keyring or in PGPASSWORD, "
    "give the profile a password_command, or start with -W to type it"
)

_LIBPQ_PREFIX = re.compile(r"\A(?:connection failed: )?connection to server .*? failed: ")
"""It names the place, which the sentence has already named."""


def place(spec: TargetSpec) -> str:
    """`db.example:5432`, or the socket directory with its port."""
    host, port = spec.get("host") or spec.get("hostaddr") or "localhost", spec.get("port") or "5432"
    return f"{host} (port {port})" if host.startswith("/") else f"{host}:{port}"


def from_server(sqlstate: str, message: str, spec: TargetSpec) -> OptischemaError:
    """What an error report of the server means. `message` is foreign text; it is made safe here."""
    said = f"The server says: {_safe(message, spec)}"
    if "use SHOW HELP" in message:
        return TargetError(
            f"{place(spec)} answered as a pooler's own console, not as a database",
            said,
            "Name the server's database with dbname=",
        )
    special = _BY_STATE.get(sqlstate)
    if special is not None:
        return special(spec, said)
    if sqlstate.startswith("08") or sqlstate in ("57P01", "57P02", "57P05", "25P03", "25P04"):
        return ServerLost(f"The connection to {place(spec)} broke", said)
    if sqlstate.startswith("28"):
        return AuthError(f"{place(spec)} refused the login of role {_safe(spec.get('user'), spec)}", said)
    return TargetError(f"{place(spec)} refused a query ({sqlstate or 'no code'})", said)


def from_system(error: OSError, spec: TargetSpec) -> OptischemaError:
    """What an error of the network, of name resolution or of TLS means."""
    import ssl

    where = place(spec)
    if isinstance(error, TimeoutError):
        return timed_out(spec)
    if isinstance(error, socket.gaierror):
        return TargetError(
            f"The host name {_safe(spec.get('host'), spec)} is not known",
            str(error.strerror or "no address was found"),
            "Check the host in the profile, and the machine's DNS",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return _not_accepted(_safe(error.verify_message or "it could not be verified", spec), spec)
    if isinstance(error, ssl.SSLError):
        return TargetError(f"The TLS handshake with {where} failed", _safe(str(error.reason or error), spec))
    if "SSL upgrade" in str(error):
        return TargetError(
            f"{where} does not offer TLS, and sslmode={spec.get('sslmode')} demands it",
            todo="Turn on ssl on the server, or choose sslmode=prefer where the network is trusted",
        )
    told = _BY_ERRNO.get(error.errno or 0)
    if told:
        return TargetError(told[0].format(where=where), told[1], told[2])
    if isinstance(error, ConnectionError):
        return ServerLost(f"The connection to {where} broke", _safe(str(error.strerror or error), spec))
    return TargetError(f"{where} cannot be reached", _safe(str(error.strerror or error), spec))


def from_text(message: str, spec: TargetSpec) -> OptischemaError:
    """What libpq's text about a failed connection means: it carries no code. Words of a translated server may not be
    known; then the text itself is shown."""
    text = message.lower()
    if "authentication method requirement" in text or "channel binding" in text:
        return login_broken_off(spec, _safe(_last_line(message), spec))
    if "hot standby mode" in text or "session is read-only" in text or "session is not read-only" in text:
        return wrong_session(spec)
    for words, sqlstate in _BY_TEXT:
        if any(word in text for word in words):
            return from_server(sqlstate, _last_line(message), spec)
    for words, number in _BY_SYSTEM_TEXT:
        if any(word in text for word in words):
            return from_system(OSError(number, ""), spec)
    if "could not translate host name" in text or "name or service not known" in text:
        return from_system(socket.gaierror(socket.EAI_NONAME, "no address was found"), spec)
    if "timeout" in text or "timed out" in text:
        return timed_out(spec)
    if "does not support ssl" in text:
        return from_system(ConnectionError("rejected SSL upgrade"), spec)
    if "certificate verify failed" in text or "does not match host name" in text:
        return _not_accepted(_safe(_last_line(message), spec), spec)
    if "certificate" in text or "ssl" in text:
        return TargetError(f"The TLS handshake with {place(spec)} failed", _safe(_last_line(message), spec))
    return TargetError(f"{place(spec)} cannot be used", _safe(_last_line(message), spec))


def timed_out(spec: TargetSpec, seconds: float = 0) -> OptischemaError:
    within = f" within {seconds:g} s" if seconds else " in time"
    return ServerLost(
        f"{place(spec)} did not answer{within}",
        "The host, the network or a firewall swallows the packets, or the server is overloaded",
    )


def wrong_session(spec: TargetSpec) -> OptischemaError:
    wanted = _safe(spec.get("target_session_attrs"), spec)
    return TargetError(f"{place(spec)} is not what target_session_attrs={wanted} asks for")


def login_broken_off(spec: TargetSpec, why: str) -> OptischemaError:
    """A login that the target's require_auth or channel_binding forbids. `why` is safe text."""
    return AuthError(
        f"The login at {place(spec)} was broken off",
        why,
        "Is this the right server? If it is, change require_auth or channel_binding in the target",
    )


def _safe(text: str, spec: TargetSpec) -> str:
    return one_line(redact(text, spec.password), 300)


def _last_line(message: str) -> str:
    lines = [line for line in message.splitlines() if line.strip()]
    if not lines:
        return "no reason was given"
    return _LIBPQ_PREFIX.sub("", lines[-1].rpartition("FATAL:")[2].strip())


def _not_accepted(why: str, spec: TargetSpec) -> OptischemaError:
    return TargetError(
        f"The certificate of {place(spec)} was not accepted",
        why,
        "Name the right CA file with sslrootcert, or use a host name that the certificate holds",
    )


def _wrong_password(spec: TargetSpec, said: str) -> OptischemaError:
    role, source = _safe(spec.get("user"), spec), spec.password_source
    if not spec.password:
        passed_over = source.removeprefix("none").lstrip(": ")
        return AuthError(f"{place(spec)} wants a password for role {role}", passed_over or said, WHERE_PASSWORDS_GO)
    return AuthError(
        f"{place(spec)} refused the password of role {role}",
        said,
        f"The password came from: {source}. Correct it there",
    )


def _login_refused(spec: TargetSpec, said: str) -> OptischemaError:
    if not spec.password and "no password supplied" in said:
        return _wrong_password(spec, said)
    return AuthError(
        f"{place(spec)} refused the login of role {_safe(spec.get('user'), spec)}",
        said,
        "Check the role, and the server's pg_hba.conf for this address, database and TLS",
    )


_BY_STATE: dict[str, Callable[[TargetSpec, str], OptischemaError]] = {
    "28P01": _wrong_password,
    "28000": _login_refused,
    "3D000": lambda spec, said: TargetError(
        f"There is no database {_safe(spec.get('dbname'), spec)} on {place(spec)}", said, "Name another with dbname="
    ),
    "53300": lambda spec, said: NoFreeConnection(
        f"{place(spec)} has no free connection",
        said,
        "Close sessions, or raise the connection limit of the role or the server",
    ),
    "57P03": lambda spec, said: ServerLost(f"{place(spec)} is starting up or shutting down", said),
    "57014": lambda spec, said: TargetError(f"A query on {place(spec)} was cancelled", said),
    "55P03": lambda spec, said: TargetError(f"A lock was not free in time on {place(spec)}", said),
    "42501": lambda spec, said: MissingPart(
        f"Role {_safe(spec.get('user'), spec)} lacks a privilege", said, "Run `doctor` to see the exact GRANT"
    ),
    "42883": lambda spec, said: MissingPart("A function that was asked for is absent on the server", said),
    "42P01": lambda spec, said: MissingPart("A relation that was asked for is absent on the server", said),
    "55000": lambda spec, said: MissingPart("A part of the server is not ready for use", said),
    "53100": lambda spec, said: TargetError(f"The disk of {place(spec)} is full", said),
    "53200": lambda spec, said: TargetError(f"{place(spec)} is out of memory", said),
}

_REACH = "Check the network and the VPN"
_BY_ERRNO = {
    errno.ECONNREFUSED: (
        "Nothing listens at {where}",
        "The connection was refused",
        "Check host and port, and that the server runs and listens there (listen_addresses)",
    ),
    errno.ENOENT: (
        "There is no server socket at {where}",
        "The socket file does not exist",
        "Check that the server runs, and its unix_socket_directories and port",
    ),
    errno.EACCES: ("The socket at {where} is not open to this user", "Permission denied", ""),
    errno.EHOSTUNREACH: ("There is no route to {where}", "The host cannot be reached", _REACH),
    errno.ENETUNREACH: ("There is no route to {where}", "The network cannot be reached", _REACH),
}

_BY_TEXT = (
    (("too many clients", "too many connections", "remaining connection slots"), "53300"),
    (("password authentication failed", "no password supplied"), "28P01"),
    (("pg_hba.conf", "is not permitted to log in", "peer authentication", "ident authentication"), "28000"),
    (("requires a valid client certificate", "certificate authentication failed"), "28000"),
    (('role "',), "28000"),
    (('database "',), "3D000"),
    (("starting up", "shutting down", "in recovery mode", "not accepting", "not yet accepting"), "57P03"),
    (("server closed the connection", "terminating connection", "connection is lost", "connection is closed"), "08006"),
)
"""In this order: the first that fits a failed connection's text."""

_BY_SYSTEM_TEXT = (
    (("connection refused",), errno.ECONNREFUSED),
    (("no such file or directory",), errno.ENOENT),
    (("permission denied",), errno.EACCES),
    (("no route to host",), errno.EHOSTUNREACH),
    (("network is unreachable",), errno.ENETUNREACH),
)
