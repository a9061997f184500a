"""systemd's credentials (LoadCredential=, SetCredentialEncrypted=): files that only the service can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from optischema_tui.core.target.passfile import Found, look_up_open

MOST_BYTES = 64 * 1024
PASSFILE = "pgpass"


def ask_systemd(
    directory: str, named: str, profile: str, hosts: list[str], ports: list[str], params: Mapping[str, str]
) -> Found:
    """The password of the file `named` (empty: optischema-tui-PROFILE) in $CREDENTIALS_DIRECTORY: its first line; else
    the line of the passfile `pgpass` there that fits the target. An empty `directory` has nothing."""
    if not directory:
        return Found()
    name = named or (f"optischema-tui-{profile}" if profile else "")
    passed_over = ""
    for file in [Path(directory, name)] if name else []:
        found = _first_line(file)
        if found.password:
            return found
        passed_over = found.source
    if named and named != PASSFILE:
        return Found(source=passed_over or f"{Path(directory, named)} does not exist or is empty")
    found = look_up_open(Path(directory, PASSFILE), hosts, ports, params.get("dbname", ""), params.get("user", ""))
    return found if found.password else Found(source=passed_over or found.source)


def _first_line(file: Path) -> Found:
    try:
        if os.stat(file).st_mode & 0o007:
            return Found(source=f"{file} was not used: everybody can read it")
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES)
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(source=f"{file} was not used: {error.strerror}")
    first = content.decode("utf-8", "replace").split("\n", 1)[0].rstrip("\r")
    return Found(first, f"systemd's credential {file}" if first else "")
