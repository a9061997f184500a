"""Who acts, as the machine knows it. What the environment says, and anyone could have set, is labelled claimed."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from optischema_tui import __version__

UNSET_LOGINUID = "4294967295"


def actor() -> dict[str, str]:
    """os_user, uid, host, version; when known login_uid, login_user (both survive sudo and su), tty, boot_id,
    claimed_sudo_user and claimed_ssh_client. `core/change` adds the database role."""
    uid = os.geteuid()
    known = {
        "os_user": _user_name(uid),
        "uid": str(uid),
        "host": os.uname().nodename,
        "version": __version__,
        "tty": _tty(),
        "boot_id": _first_line("/proc/sys/kernel/random/boot_id"),
        "claimed_sudo_user": os.environ.get("SUDO_USER", ""),
        "claimed_ssh_client": _ssh_client(),
    }
    login = _first_line("/proc/self/loginuid")
    if login.isdecimal() and login != UNSET_LOGINUID:
        known |= {"login_uid": login, "login_user": _user_name(int(login))}
    return {key: value[:200] for key, value in known.items() if value}


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _tty() -> str:
    for descriptor in (0, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return ""


def _ssh_client() -> str:
    """'address port' of the far end."""
    return " ".join(os.environ.get("SSH_CONNECTION", "").split()[:2])


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
