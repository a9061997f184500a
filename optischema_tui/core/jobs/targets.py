"""The targets that are known on this machine: profiles, services of libpq's files, and what was reached before."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace

from optischema_tui.core.config import Config, Profile
from optischema_tui.core.config.writer import remove_profile, save_profile
from optischema_tui.core.errors import OptischemaError, StorageError, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import KnownTarget, RecentTarget
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.conninfo import is_url, parse_conninfo, parse_url
from optischema_tui.core.target.failures import place
from optischema_tui.core.target.resolver import describe
from optischema_tui.core.target.service_file import service_names
from optischema_tui.core.target.spec import TargetSpec

PROFILE, SERVICE, RECENT = "profile", "service", "recent"
"""Where a target is known from: `KnownTarget.origin`."""


def listing(paths: Paths, config: Config) -> tuple[KnownTarget, ...]:
    """Profiles in the file's order, then services, then targets reached before that are neither, the latest first.

    Connects to nothing and looks for no password. A history that cannot be read only leaves the states out; a broken
    profile or service file is listed with its problem.
    """
    recent = {target.dsn: target for target in _recent(paths)}
    known = [_known(name, PROFILE, name, config) for name in config.profiles]
    known += [KnownTarget(name, PROFILE, name, problem=error.sentence) for name, error in config.broken.items()]
    known += _services(config)
    listed = [_with_state(one, recent[one.dsn]) if one.dsn in recent else one for one in known]
    told = {one.dsn for one in known}
    return (*listed, *(_of_history(target) for dsn, target in recent.items() if dsn not in told))


def add(paths: Paths, config: Config, name: str, conninfo: str) -> str:
    """Write a profile that leads where `conninfo` (a URL or keywords) does; what it holds beside that stays.

    Gives a notice when comments of the file were lost. Raises UsageError, ConfigError or StorageError.
    """
    params = parse_url(conninfo) if is_url(conninfo) else parse_conninfo(conninfo)
    if not params:
        raise UsageError("The connection string is empty", todo="Write it as: host=db.example dbname=shop user=dba")
    if name in config.broken:
        raise config.broken[name]
    before = config.profiles.get(name) or Profile(name)
    return save_profile(paths.config_file, replace(before, params=tuple(sorted(params.items()))))


def remove(paths: Paths, name: str) -> str:
    """Take a profile out of the file. Gives and raises as `add`."""
    return remove_profile(paths.config_file, name)


def _known(name: str, origin: str, label: str, config: Config) -> KnownTarget:
    try:
        spec = describe(name, config)
    except OptischemaError as error:
        return KnownTarget(name, origin, label, problem=error.sentence)
    told = spec.label if origin == PROFILE else label  # a service that is a profile too has that one's label
    return _placed(KnownTarget(name, origin, told, allow_changes=spec.allow_changes), spec)


def _placed(known: KnownTarget, spec: TargetSpec) -> KnownTarget:
    return replace(known, dsn=spec.dsn, where=place(spec), dbname=spec.get("dbname"), user=spec.get("user"))


def _services(config: Config) -> list[KnownTarget]:
    try:
        names = service_names(os.environ)
    except UsageError as error:
        return [KnownTarget("", SERVICE, "service file", problem=error.sentence)]
    return [_known(f"service={_quoted(name)}", SERVICE, name, config) for name in names]


def _quoted(name: str) -> str:
    plain = name and not any(character in name for character in " '\\")
    return name if plain else "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _recent(paths: Paths) -> tuple[RecentTarget, ...]:
    if not paths.history_db.exists():
        return ()
    try:
        with closing(History.open(paths.history_db)) as history:
            return history.recent_targets()
    except StorageError:
        return ()  # whoever observes is told; a list of targets is of use without it


def _with_state(known: KnownTarget, recent: RecentTarget) -> KnownTarget:
    version = recent.identity.server_version_num
    return replace(known, state=recent.state, seen_at=recent.seen_at, server_version_num=version)


def _of_history(recent: RecentTarget) -> KnownTarget:
    known = KnownTarget(recent.dsn, RECENT, recent.label or recent.identity.database)
    try:
        params = parse_conninfo(recent.dsn)
    except UsageError as error:
        return replace(known, problem=error.sentence)
    return _with_state(_placed(known, TargetSpec(known.label, tuple(sorted(params.items())))), recent)
