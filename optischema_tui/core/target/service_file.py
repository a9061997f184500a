"""libpq's service files (pg_service.conf), read by us so that both drivers get the same parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optischema_tui.core.config import nearest
from optischema_tui.core.errors import UsageError
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.conninfo import known_keywords

_SYSTEM_DIRS = ("/etc/postgresql-common", "/etc", "/usr/local/etc/postgresql", "/usr/local/pgsql/etc")


@dataclass(frozen=True, slots=True)
class Service:
    params: dict[str, str]
    """May hold `password`."""
    file: Path

    @property
    def open_to_others(self) -> bool:
        """Others than the owner can read the file."""
        return bool(self.file.stat().st_mode & 0o077)


def service_files(environment: Mapping[str, str]) -> list[Path]:
    """Where libpq looks, in its order: PGSERVICEFILE or ~/.pg_service.conf, then the system's."""
    own = environment.get("PGSERVICEFILE") or os.path.expanduser("~/.pg_service.conf")
    system = environment.get("PGSYSCONFDIR")
    return [Path(own), *(Path(folder) / "pg_service.conf" for folder in ([system] if system else _SYSTEM_DIRS))]


def find_service(name: str, environment: Mapping[str, str]) -> Service:
    """The first service of that name. Raises UsageError when there is none, naming the files and the nearest names."""
    seen: list[str] = []
    looked: list[str] = []
    for file in service_files(environment):
        services = _read(file)
        if services is None:
            continue
        looked.append(str(file))
        if name in services:
            return Service(known_keywords(services[name], f"service {one_line(name, 60)}", allow_secret=True), file)
        seen += services
    raise UsageError(
        f"There is no service {one_line(name, 60)}",
        f"Looked in {', '.join(looked)}" if looked else "No service file was found",
        nearest(name, seen) or "Services are defined in ~/.pg_service.conf",
    )


def service_names(environment: Mapping[str, str]) -> dict[str, Path]:
    """Every service and the file that libpq would take it from. Raises UsageError when a file cannot be read."""
    found: dict[str, Path] = {}
    for file in service_files(environment):
        for name in _read(file) or ():
            found.setdefault(name, file)
    return found


def _read(file: Path) -> dict[str, dict[str, str]] | None:
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"The service file {file} cannot be read", str(error.strerror)) from None
    services: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and "]" in line:
            section = services.setdefault(line[1 : line.index("]")], {})
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise UsageError(f"The service file {file} cannot be read", f"Line {number} has no =")
        if section is not None:
            section.setdefault(key.strip(), value.strip())
    return services
