"""What the observing driver (asyncpg) is told, so that it reaches a target as libpq would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from optischema_tui.core.target.session import APPLICATION_NAME, NO_FILE
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import ssl

_TLS_KEYWORDS = ("sslmode", "sslrootcert", "sslcert", "sslkey")


def driver_arguments(spec: TargetSpec) -> dict[str, Any]:
    """asyncpg's arguments for the same target that libpq would reach by `spec.params`."""
    params = dict(spec.params)
    hosts = params.get("hostaddr", params.get("host", "localhost")).split(",")
    ports = params.get("port", "5432").split(",")
    arguments: dict[str, Any] = {
        "host": hosts if len(hosts) > 1 else hosts[0],
        "port": [int(port) for port in ports] if len(ports) > 1 else int(ports[0]),
        "user": params.get("user"),
        "database": params.get("dbname"),
        "password": spec.password or None,
        "passfile": NO_FILE,
        "servicefile": NO_FILE,
        "statement_cache_size": 0,
        "server_settings": {"application_name": APPLICATION_NAME},
        "target_session_attrs": params.get("target_session_attrs", "any"),
    }
    tls = {keyword: params[keyword] for keyword in _TLS_KEYWORDS if keyword in params}
    own_context = tls.get("sslrootcert") == "system" or (
        tls.get("sslmode") == "verify-full" and "hostaddr" in params and "host" in params
    )
    if own_context:
        arguments["ssl"] = _tls_context(params)
    elif tls:
        arguments["dsn"] = f"postgresql://?{urlencode(tls)}"
    return arguments


def _tls_context(params: dict[str, str]) -> ssl.SSLContext:
    """verify-full in the cases that asyncpg does not know: the system's CAs, and a host name beside a hostaddr."""
    import ssl

    class NamedContext(ssl.SSLContext):
        """Proves the host's name whatever address was dialled."""

        def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
            if "host" in params:
                kwargs["server_hostname"] = params["host"]
            return super().wrap_bio(*args, **kwargs)

    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    root = params.get("sslrootcert", "system")
    if root == "system":
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=root)
    if "sslcert" in params:
        context.load_cert_chain(params["sslcert"], params.get("sslkey"))
    return context
