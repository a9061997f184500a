"""What the program can do, the documents and the help say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from optischema_tui.actions import ACTIONS, key_name
from optischema_tui.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_and_stands_in_the_readme(command: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", command, "--help"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0
    assert "--json" in told.stdout
    assert "exit codes" in told.stdout
    assert re.search(rf"`{command}\b", (ROOT / "README.md").read_text())
    assert re.search(rf"^#+ .*`{command}\b", (ROOT / "docs" / "json.md").read_text(), re.MULTILINE)


def test_every_key_stands_in_the_readme() -> None:
    told = (ROOT / "README.md").read_text().partition("**Keys.**")[2].partition("\n\n")[0]
    assert "`` ` ``" in told
    named = {*re.findall(r"`([^` ]+)`", told.replace("`` ` ``", "")), "`", *"123456789"}
    dialogs = {"confirm", "filters", "connect"}
    keys = {key_name(action.keys[0]) for action in ACTIONS if not set(action.screens) or set(action.screens) - dialogs}
    assert not keys - named


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_a_password_in_a_url_is_refused_without_echo() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", "top", "postgresql://dba:hunter2@localhost/shop"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert "hunter2" not in told.stdout + told.stderr
    assert ".pgpass" in told.stderr
    assert "Traceback" not in told.stderr
