"""From what a person types (or nothing) to a TargetSpec. Loads no driver: this stands before the first frame."""

from __future__ import annotations

import getpass
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from optischema_tui.core.config import (
    Config,
    Profile,
    check_keywords,
    nearest,
)
from optischema_tui.core.errors import UsageError
from optischema_tui.core.policy.places import own_rules
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.conninfo import is_url, known_keywords, parse_conninfo, parse_url
from optischema_tui.core.target.credentials.order import find, of_service
from optischema_tui.core.target.passfile import DEFAULT_SOCKET_DIRS, Found
from optischema_tui.core.target.service_file import find_service
from optischema_tui.core.target.spec import TargetSpec

_PROFILE_NAME = re.compile(r"[\w.-]{1,64}")
_ENVIRONMENT = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "user",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGCHANNELBINDING": "channel_binding",
    "PGREQUIREAUTH": "require_auth",
    "PGKRBSRVNAME": "krbsrvname",
    "PGGSSENCMODE": "gssencmode",
    "PGREQUIREPEER": "requirepeer",
    "PGSSLCRLDIR": "sslcrldir",
}
"""libpq's variables that both drivers must agree on."""


def resolve(
    target: str | None,
    config: Config,
    *,
    allow_changes: bool = False,
    prompt: Callable[[str], str] | None = None,
) -> TargetSpec:
    """How to reach `target`: a profile's name, `service=NAME`, a postgresql:// URL, a conninfo string, or None for the
    PG* environment. What the target leaves open comes from its service, then the environment, then libpq's defaults.

    `prompt(label)` is asked only when no password was found and it is given; as a rule wait for the server's AuthError
    and use `with_password`. Raises UsageError, or AuthError when a password_command fails.
    """
    spec, profile, secret = _reach(target, config, allow_changes)
    found = find(profile, dict(spec.params), secret)
    spec = replace(spec, password=found.password, password_source=found.source, renewal=found.renewal)
    if not found.password and prompt is not None:
        return with_password(spec, prompt(spec.label))
    return spec


def describe(target: str | None, config: Config) -> TargetSpec:
    """`resolve` for a list of targets: no password is looked for, so nothing is run and nobody asked. Raises
    UsageError."""
    return _reach(target, config, False)[0]


def with_password(spec: TargetSpec, value: str) -> TargetSpec:
    """`spec` with a password that a person has typed; it stays in memory."""
    return replace(spec, password=value, password_source="typed at the prompt", renewal=None)


def _reach(target: str | None, config: Config, allow_changes: bool) -> tuple[TargetSpec, Profile | None, Found]:
    """The target without its password, its profile, and what a service file says of the password."""
    text = (target or "").strip()
    profile = _named_profile(text, config)
    explicit = dict(profile.params) if profile else _explicit(text)
    params, secret = _complete(explicit)
    profile = profile or _same_target(params, config)
    spec = TargetSpec(
        label=_label(text, profile, params),
        params=tuple(sorted(params.items())),
        allow_changes=allow_changes or bool(profile and profile.allow_changes),
        sample_rows=profile is None or profile.sample_rows,
        interval=config.refresh,
        policy=own_rules(config, profile),
    )
    if profile is not None:
        spec = _with_profile(spec, profile)
    return _with_demo_profile(spec, allow_changes), profile, secret


def _with_profile(spec: TargetSpec, profile: Profile) -> TargetSpec:
    intervals = dict(profile.intervals)
    return replace(
        spec,
        profile=profile.name,
        interval=intervals.pop("statements", 0.0) or profile.interval or spec.interval,
        intervals=tuple(sorted(intervals.items())),
        show=profile.show,
        theme=profile.theme,
    )


def _named_profile(text: str, config: Config) -> Profile | None:
    if not text or is_url(text) or "=" in text:
        return None
    if text in config.profiles:
        return config.profiles[text]
    if text in config.broken:
        raise config.broken[text]
    if not _PROFILE_NAME.fullmatch(text):
        raise UsageError(
            "The target cannot be read",
            "It is neither a profile's name nor service=NAME, a postgresql:// URL or a connection string",
        )
    hint = nearest(text, config.profiles)
    known = f"It has: {', '.join(one_line(name, 40) for name in list(config.profiles)[:12])}" if config.profiles else ""
    raise UsageError(
        f"There is no profile {text} in {config.path}",
        known or "The file has no profiles",
        hint or f"For a database of that name write dbname={text}",
    )


def _explicit(text: str) -> dict[str, str]:
    if not text:
        return {}
    return parse_url(text) if is_url(text) else parse_conninfo(text)


def _complete(explicit: Mapping[str, str]) -> tuple[dict[str, str], Found]:
    """All parameters, and the password of the service file with its source."""
    environment = os.environ
    params = dict(explicit)
    name = params.pop("service", "") or environment.get("PGSERVICE", "")
    secret = Found()
    if name:
        service = find_service(name, environment)
        password = service.params.pop("password", "")
        secret = of_service(password, name, service.file, open_to_others=service.open_to_others)
        service.params.pop("service", None)
        params = service.params | params
    variables = {keyword: environment[name] for name, keyword in _ENVIRONMENT.items() if environment.get(name)}
    params = known_keywords(variables, "the PG* environment") | params
    params.setdefault("port", "5432")
    if "host" not in params and "hostaddr" not in params:
        params["host"] = _default_host(params["port"])
    if "user" not in params:
        params["user"] = _own_name()
    params.setdefault("dbname", params["user"])
    _check_tls(params)
    _check_lists(params)
    check_keywords(params, "The target")
    return params, secret


def _check_tls(params: dict[str, str]) -> None:
    """`sslrootcert=system` means verify-full, as for libpq; and there must be a name to prove."""
    if params.get("sslrootcert") == "system" and params.setdefault("sslmode", "verify-full") != "verify-full":
        raise UsageError("sslrootcert=system needs sslmode=verify-full", "Weaker modes would not prove the host name")
    if params.get("sslmode") == "verify-full" and not params.get("host"):
        raise UsageError(
            "sslmode=verify-full needs host=",
            "It is the name that the server's certificate must hold; hostaddr is only where to dial",
        )


def _check_lists(params: Mapping[str, str]) -> None:
    """Hosts, their addresses and their ports are matched by their places."""
    hosts, addresses, ports = (params.get(key, "").split(",") for key in ("host", "hostaddr", "port"))
    count = max(len(hosts), len(addresses))
    if len(ports) not in (1, count):
        raise UsageError("The target names more ports than hosts, or fewer")
    if params.get("host") and params.get("hostaddr") and len(hosts) != len(addresses):
        raise UsageError("The target names more host addresses than hosts, or fewer")


def _own_name() -> str:
    """The name of the person at the terminal, which is the role when none is named."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError(
            "The target names no role", "This user of the system has no name that could stand for it", "Add user=NAME"
        ) from None


def _default_host(port: str) -> str:
    """The first directory that holds a server's socket, as libpq's makers chose it; else localhost."""
    for folder in DEFAULT_SOCKET_DIRS:
        if Path(folder, f".s.PGSQL.{port}").exists():
            return folder
    return "localhost"


def _same_target(params: Mapping[str, str], config: Config) -> Profile | None:
    """The profile that leads to the same place: a target reached by its address keeps its profile's rules."""
    for profile in config.profiles.values():
        try:
            if _complete(dict(profile.params))[0] == params:
                return profile
        except UsageError:
            continue
    return None


def _label(text: str, profile: Profile | None, params: Mapping[str, str]) -> str:
    if profile is not None:
        return profile.label or profile.name
    if match := re.fullmatch(r"service=([\w.-]+)", text):
        return match.group(1)
    host = params.get("host") or params["hostaddr"]
    return f"{'local' if host in DEFAULT_SOCKET_DIRS else host}/{params['dbname']}"


def _with_demo_profile(spec: TargetSpec, allow_changes: bool) -> TargetSpec:
    """The rules that lie in the server's own private socket directory, as the demo puts them there."""
    folder = Path(spec.get("host") or ".")
    if not folder.is_absolute():
        return spec
    try:
        status = folder.stat()
        private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
        if not private or not (folder / "profile.toml").is_file():
            return spec
        import tomllib

        rules = tomllib.loads((folder / "profile.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return spec
    label, interval = rules.get("label"), rules.get("interval")
    return replace(
        spec,
        allow_changes=allow_changes or spec.allow_changes or rules.get("allow_changes") is True,
        label=one_line(label, 80) if isinstance(label, str) and not spec.profile else spec.label,
        interval=float(interval) if isinstance(interval, (int, float)) and interval >= 1 else spec.interval,
    )
