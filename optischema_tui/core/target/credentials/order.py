"""The order of the places that may hold a target's password. The source is told, the value never."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from optischema_tui.core.config import Profile
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.passfile import Found, look_up, passfile_path
from optischema_tui.core.target.spec import Renewal


@dataclass(frozen=True, slots=True)
class Credential:
    password: str = ""
    source: str = "none"
    """In words; without a password: why a place that could hold it was passed over."""
    renewal: Renewal | None = None


def find(
    profile: Profile | None, params: Mapping[str, str], service: Found, environment: Mapping[str, str] = os.environ
) -> Credential:
    """The first password of: the profile's command, the service file, the passfile, systemd, the keyring, PGPASSWORD.

    A login that needs no secret (peer, Kerberos, a client's certificate) needs none of these: then nothing is found,
    and the server does not ask. `params` are complete. Raises AuthError when a password_command fails.
    """
    if profile is not None and profile.password_command:
        source = f"password_command of profile {profile.name}"
        fetch = _fetcher(profile)
        password = fetch()
        return Credential(password, source, Renewal(password, fetch))
    passed_over = []
    for ask in _places(profile, params, service, environment):
        found = ask()
        if found.password:
            return Credential(found.password, found.source)
        if found.source:
            passed_over.append(found.source)
    if passed_over:
        return Credential(source=f"none: {'; '.join(passed_over)}")
    if params.get("sslcert"):
        return Credential(source="none: the client's certificate stands for it")
    return Credential()


def _fetcher(profile: Profile) -> Callable[[], str]:
    from optischema_tui.core.target.credentials.command import ask_command

    return lambda: ask_command(profile.password_command, profile.name)


def _places(
    profile: Profile | None, params: Mapping[str, str], service: Found, environment: Mapping[str, str]
) -> Iterator[Callable[[], Found]]:
    hosts = (params.get("host") or params.get("hostaddr") or "").split(",")
    ports = params.get("port", "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    dbname, user = params.get("dbname", ""), params.get("user", "")
    yield lambda: service
    yield lambda: look_up(passfile_path(params, environment), hosts, ports, dbname, user)
    if directory := environment.get("CREDENTIALS_DIRECTORY", ""):
        yield lambda: _systemd(directory, profile, hosts, ports, params)
    if profile is not None and profile.keyring:
        yield lambda: _keyring(profile.name)
    if password := environment.get("PGPASSWORD", ""):
        yield lambda: Found(password, "PGPASSWORD (other processes of this user can read it)")


def _systemd(
    directory: str, profile: Profile | None, hosts: list[str], ports: list[str], params: Mapping[str, str]
) -> Found:
    from optischema_tui.core.target.credentials.systemd import ask_systemd

    named, name = (profile.credential, profile.name) if profile else ("", "")
    return ask_systemd(directory, named, name, hosts, ports, params)


def _keyring(name: str) -> Found:
    from optischema_tui.core.target.credentials.desktop_keyring import ask_keyring

    return ask_keyring(name)


def of_service(password: str, name: str, file: object, *, open_to_others: bool) -> Found:
    """The password that a service file gives, with its source."""
    if not password:
        return Found()
    others = " (others can read this file)" if open_to_others else ""
    return Found(password, f"service {one_line(name, 60)} in {file}{others}")
