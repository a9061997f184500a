"""How we are connected: directly or not, hidden from others on the way or not, with a password from where."""

from __future__ import annotations

from ipaddress import ip_address

from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.capabilities import Capability, Group
from optischema_tui.core.target.server_facts import ServerFacts
from optischema_tui.core.target.spec import TargetSpec

_PROVEN = "verify-full"


def connection_parts(spec: TargetSpec, facts: ServerFacts) -> tuple[Capability, ...]:
    """The parts session, encryption and credentials."""
    return _session(facts), _encryption(spec, facts), _credentials(spec)


def _session(facts: ServerFacts) -> Capability:
    title = "Direct session"
    if not facts.pooled:
        return Capability("session", True, title=title, group=Group.CONNECTION)
    return Capability(
        "session",
        True,
        "A connection pooler stands between: observing works, changes are refused",
        "Connect to the server's own address and port",
        title,
        Group.CONNECTION,
        limited=True,
    )


def _encryption(spec: TargetSpec, facts: ServerFacts) -> Capability:
    """Is our leg of the way encrypted, and is the other end proved to be the server? By what was asked for: behind a
    pooler the server knows only its own leg."""
    name, title, group = "encryption", "Encrypted and proved connection", Group.CONNECTION
    mode = spec.get("sslmode", "prefer")
    if _stays_here(spec):
        return Capability(name, True, title=title, group=group)
    encrypted = mode in ("require", "verify-ca", _PROVEN) or (bool(facts.session["tls"]) and not facts.pooled)
    if encrypted and mode == _PROVEN:
        return Capability(name, True, title=title, group=group)
    remedy = "sslmode=verify-full sslrootcert=system (or the file of the CA that signed the server's certificate)"
    if encrypted:
        reason = f"Encrypted, but sslmode={mode} does not prove that the other end is the server that was named"
        return Capability(name, True, reason, remedy, title, group, limited=True)
    reason = "The connection is not encrypted: whoever sits on the way reads every statement"
    return Capability(name, False, reason, remedy, title, group)


def _stays_here(spec: TargetSpec) -> bool:
    """True for a socket and a loopback address: nothing travels, or another tunnel carries it."""
    for host in (spec.get("hostaddr") or spec.get("host") or "localhost").split(","):
        if host.startswith(("/", "@")) or host == "localhost":
            continue
        try:
            if not ip_address(host).is_loopback:
                return False
        except ValueError:
            return False
    return True


def _credentials(spec: TargetSpec) -> Capability:
    """By the source's own words: of a password that others can read, and of a file that was passed over for that."""
    name, title, group = "credentials", "Password kept safely", Group.CONNECTION
    source = one_line(spec.password_source, 300)
    reason = ""
    if source.startswith("none: ") and "was not used" in source:
        reason = f"No password was sent: {source.removeprefix('none: ')}"
    elif source.startswith("PGPASSWORD") or "others can read" in source:
        reason = f"The password comes from {source}"
    if not reason:
        return Capability(name, True, title=title, group=group)
    remedy = "Put it in ~/.pgpass (mode 0600), or give the profile a password_command"
    return Capability(name, True, reason, remedy, title, group, limited=True)
