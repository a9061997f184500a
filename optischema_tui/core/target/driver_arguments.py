"""What the two drivers are told, so that both reach a target in the same way: asyncpg observes, libpq does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from optischema_tui.core.errors import AuthError, OptischemaError
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.tls import check_files, own_context, system_ca_file

APPLICATION_NAME = "optischema-tui"
NO_FILE = "/nonexistent/optischema-tui"
"""The passfile the drivers are given: the resolver has read the real one; libpq would write warnings to the screen."""
CONNECT_SECONDS = 10
_TLS_KEYWORDS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
_DEAD_PEER = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""The kernel then ends a connection whose other side fell silent; libpq itself would wait for ever."""


def each_host(spec: TargetSpec) -> tuple[TargetSpec, ...]:
    """The attempts that lead to the target, in order: one host each, and for prefer-standby the standbys first.

    The drivers' own lists of hosts are not used: they differ in what moves them on to the next. Raises TargetError for
    a TLS file that cannot be used.
    """
    check_files(spec)
    hosts, addresses = (spec.get(keyword).split(",") for keyword in ("host", "hostaddr"))
    count = max(len(hosts), len(addresses))
    ports = spec.get("port", "5432").split(",")
    wanted = spec.get("target_session_attrs", "any")
    attempts = []
    for session in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
        for host, address, port in zip(*(_spread(each, count) for each in (hosts, addresses, ports)), strict=True):
            params = dict(spec.params) | {"port": port or "5432"}
            if params.get("channel_binding") == "require" and params.get("sslmode", "prefer") in ("allow", "prefer"):
                params["sslmode"] = "require"  # without TLS it could only fail
            own = {"host": host, "hostaddr": address, "target_session_attrs": session if session != "any" else ""}
            params = {key: value for key, value in (params | own).items() if value}
            attempts.append(replace(spec, params=tuple(sorted(params.items()))))
    return tuple(attempts)


def none_worked(errors: Sequence[OptischemaError]) -> OptischemaError:
    """The error that tells most about attempts that all failed: a refused login before an unreachable host."""
    chosen = next((error for error in errors if isinstance(error, AuthError)), errors[-1])
    others = dict.fromkeys(error.what for error in errors if error.what != chosen.what)
    if not others:
        return chosen
    why = ". ".join((*filter(None, (chosen.why.rstrip("."),)), *(f"Also: {what}" for what in others)))
    return type(chosen)(chosen.what, why, chosen.todo)


def connect_seconds(spec: TargetSpec) -> float:
    """How long one host may take to answer: the target's connect_timeout, where 0 means libpq's 'for ever': ours."""
    named = spec.get("connect_timeout")
    return float(named) if named.isdecimal() and int(named) else float(CONNECT_SECONDS)


def driver_arguments(spec: TargetSpec) -> dict[str, Any]:
    """asyncpg's arguments for one host (see `each_host`). Raises TargetError for a TLS file that cannot be used."""
    params = dict(spec.params)
    arguments: dict[str, Any] = {
        "host": params.get("hostaddr") or params.get("host", "localhost"),
        "port": int(params.get("port", "5432")),
        "user": params.get("user"),
        "database": params.get("dbname"),
        "password": spec.password or None,
        "passfile": NO_FILE,
        "servicefile": NO_FILE,
        "statement_cache_size": 0,
        "server_settings": {"application_name": APPLICATION_NAME},
        "target_session_attrs": params.get("target_session_attrs", "any"),
        "krbsrvname": params.get("krbsrvname"),
    }
    tls = {keyword: params[keyword] for keyword in _TLS_KEYWORDS if keyword in params}
    named = tls.get("sslmode") == "verify-full" and "hostaddr" in params and "host" in params
    if tls.get("sslrootcert") == "system" or named:
        arguments["ssl"] = own_context(spec)
    elif tls:
        arguments["dsn"] = f"postgresql://?{urlencode(tls)}"
    return arguments


def libpq_arguments(spec: TargetSpec, application_name: str = APPLICATION_NAME) -> dict[str, Any]:
    """libpq's keywords for one host (see `each_host`)."""
    params: dict[str, Any] = dict(spec.params) | _DEAD_PEER
    params |= {"passfile": NO_FILE, "application_name": application_name, "client_encoding": "UTF8"}
    params["options"] = ""  # PGOPTIONS would reach this driver only
    params["gssencmode"] = "disable"  # asyncpg has no such encryption
    params["connect_timeout"] = int(connect_seconds(spec))
    if spec.get("sslrootcert") == "system" and (file := system_ca_file()):
        params["sslrootcert"] = file
    if spec.password:
        params["password"] = spec.password
    return params


def _spread(values: list[str], count: int) -> list[str]:
    return values * count if len(values) == 1 else values
