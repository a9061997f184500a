"""Odd words, streams and surroundings of a call: each ends in a sentence and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optischema_tui.cli import run
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import UsageError
from optischema_tui.core.paths import locate

PROGRAM = f"{sys.executable} -m optischema_tui"


def shell(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    told = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script.replace("optischema-tui", PROGRAM)],
        capture_output=True, text=True, errors="replace", check=False, env={**os.environ, **env},
    )  # fmt: skip
    assert "Traceback" not in told.stderr
    assert "Exception ignored" not in told.stderr
    return told


@pytest.mark.parametrize(
    "words",
    [
        ["--state-dir", "{state}", "changes"],
        ["--json", "--state-dir", "{state}", "changes"],
        ["--state-dir={state}", "changes", "--all"],
        ["--config", "changes", "changes"],
    ],
)
def test_options_may_stand_before_the_command(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([word.format(state=tmp_path / "here") for word in words]) == 0
    told = capsys.readouterr().out
    assert json.loads(told) == {"changes": []} if "--json" in words else "Nothing is proposed" in told


@pytest.mark.parametrize(
    "words",
    [
        ["top", "--seconds", "nan"],
        ["top", "--seconds", "inf"],
        ["top", "--limit", "0"],
        ["top", "--limit", "9" * 30],
        ["lab", "--limit", "-1"],
        ["audit", "list", "--limit", "-5"],
        ["baseline", "create", "x", "--minutes", "inf"],
        ["collect", "--interval", "nan"],
        ["collect", "--duration", "1e308"],
        ["apply"],
        ["plan"],
        ["nonsense", "words"],
    ],
)
def test_wrong_words_are_told_as_json_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["exit_code"] == 2
    assert told.err.startswith("optischema-tui: ")


def test_no_terminal_is_told_and_does_not_hang() -> None:
    told = shell("optischema-tui </dev/null")
    assert told.returncode == 2
    assert "terminal" in told.stderr


def test_a_reader_that_leaves_is_no_failure(fresh_db: str) -> None:
    assert shell('optischema-tui changes --json | true; exit "${PIPESTATUS[0]}"').returncode == 0
    assert shell('optischema-tui audit export | true; exit "${PIPESTATUS[0]}"').returncode == 0
    assert shell('optischema-tui apply 0123 --json | true; exit "${PIPESTATUS[0]}"').returncode == 2
    told = shell(f'optischema-tui collect "{fresh_db}" --interval 1 --duration 60 | head -1; exit "${{PIPESTATUS[0]}}"')
    assert (told.returncode, "statements" in told.stdout) == (0, True)


def test_closed_and_full_streams() -> None:
    assert shell("optischema-tui changes <&- >&- 2>&-").returncode == 0
    told = shell("optischema-tui changes >/dev/full")
    assert told.returncode == 7
    assert "cannot be written" in told.stderr
    assert shell("optischema-tui apply 0123 --json >/dev/full").returncode == 2
    assert shell("optischema-tui apply 0123 2>/dev/full").returncode == 2
    assert shell("optischema-tui plan --sql - 'host=/nowhere user=x' <&-").returncode == 3


def test_an_encoding_without_the_characters(fresh_db: str) -> None:
    named = f'optischema-tui plan "{fresh_db}" --sql "SELECT 1 AS x WHERE \'…ä\' = current_user"'
    for env in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        assert shell(named, **env).returncode == 0
    assert shell(f'printf "SELECT \\xff" | optischema-tui plan "{fresh_db}" --sql -').returncode == 6


def test_a_home_that_is_not_known(monkeypatch: pytest.MonkeyPatch, server: Cluster, tmp_path: Path) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", "relative")
    with pytest.raises(UsageError, match="home directory"):
        locate()
    assert locate(str(tmp_path), str(tmp_path / "config.toml")).state_dir == tmp_path
    assert shell("optischema-tui changes", HOME="relative").returncode == 2
    assert shell("optischema-tui changes", HOME="/proc").returncode == 7


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 54321")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert run(["doctor", "host=/nowhere"]) == 2
    assert "user=NAME" in capsys.readouterr().err
    assert run(["doctor", "host=/nowhere user=x"]) == 3
