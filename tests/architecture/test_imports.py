"""The walls of the house: what may import what, and what the first call must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_import_contracts_hold() -> None:
    told = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr


def loaded_by(code: str) -> set[str]:
    """Names of the modules in `sys.modules` after `code` ran in a fresh interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(told.stderr.splitlines())


def modules_of(package: str) -> list[str]:
    base = ROOT / "optischema_tui" / package
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in base.rglob("*.py")
        if path.name not in ("__init__.py", "guardian.py")
    )


def test_core_loads_no_terminal_library() -> None:
    names = modules_of("core")
    assert len(names) > 30
    loaded = loaded_by("\n".join(f"import {name}" for name in names))
    assert not {name for name in loaded if name.split(".")[0] in ("textual", "rich")}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["advise", "--help"], ["apply", "--help"]])
def test_help_loads_neither_textual_nor_a_driver(words: list[str]) -> None:
    loaded = loaded_by(
        f"""
from contextlib import redirect_stdout, suppress
from io import StringIO
from optischema_tui.cli import run
with suppress(SystemExit), redirect_stdout(StringIO()):
    run({words!r})
"""
    )
    heavy = {"textual", "rich", "asyncpg", "psycopg", "sqlglot", "plotext", "sqlite3", "asyncio", "numpy", "highspy"}
    assert not heavy & {name.split(".")[0] for name in loaded}


def test_the_shared_types_load_the_standard_library_only() -> None:
    before = loaded_by("pass")
    extra = {
        name.split(".")[0]
        for name in loaded_by("from optischema_tui.core.models import Change, Picture, Recommendation, Baseline")
        - before
    }
    assert extra - {"optischema_tui"} <= set(sys.stdlib_module_names)


def test_no_file_has_grown_into_two() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in (ROOT / "optischema_tui").rglob("*.py")
    }
    long = {name: lines for name, lines in sizes.items() if lines > 500}
    assert not long


def test_sql_for_a_target_stands_in_query_files_only() -> None:
    """Screens, widgets, the bridge and the twins hold no SQL text."""
    rooms = ("screens", "widgets", "twins")
    files = [path for room in rooms for path in (ROOT / "optischema_tui" / room).rglob("*.py")]
    files += [ROOT / "optischema_tui" / name for name in ("app.py", "bridge.py", "cli.py")]
    assert len(files) > 15
    words = ("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE INDEX", "DROP INDEX", "ALTER ")
    found = [
        f"{path.name}:{number}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if any(word in line for word in words) and not line.lstrip().startswith("#")
    ]
    assert not found
