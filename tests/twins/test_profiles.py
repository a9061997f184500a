from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from optischema_tui.core.errors import UsageError
from optischema_tui.twins import profiles
from optischema_tui.twins.context import Context


def call(tmp_path: Path, *words: str, as_json: bool = False) -> int:
    arguments = Namespace(
        config=str(tmp_path / "config.toml"), state_dir=str(tmp_path / "state"), json=as_json, allow_changes=False,
        action=words[0], words=list(words[1:]),
    )  # fmt: skip
    return profiles.run(Context.of(arguments), arguments)


def test_the_life_of_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "list") == 0
    assert "No target is known here" in capsys.readouterr().out
    assert call(tmp_path, "add", "shop", "host=db.example dbname=shop user=dba") == 0
    assert capsys.readouterr().out == "added: shop\n"
    assert call(tmp_path, "list") == 0
    assert "shop    profile  db.example:5432  shop      dba" in capsys.readouterr().out
    assert call(tmp_path, "list", as_json=True) == 0
    (told,) = json.loads(capsys.readouterr().out)["targets"]
    assert (told["name"], told["from"], told["server"], told["last_seen"]) == (
        "shop", "profile", "db.example:5432", None,
    )  # fmt: skip
    assert call(tmp_path, "check", as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": str(tmp_path / "config.toml"), "profiles": 1, "problems": [],
    }  # fmt: skip
    assert call(tmp_path, "remove", "shop") == 0
    capsys.readouterr()
    assert call(tmp_path, "list", as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"targets": []}


def test_a_check_tells_each_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.toml").write_text("[profiles.a]\nhots = 'h'\ninterval = 0\n[profiles.b]\nservice = 'none'\n")
    assert call(tmp_path, "check") == 2
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 3
    assert all(any(word in line for line in told) for word in ("Did you mean host", "a.interval", "no service none"))


def test_comments_that_are_lost_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.toml").write_text("# mine\n")
    assert call(tmp_path, "add", "shop", "host=h") == 0
    assert "config.toml.bak" in capsys.readouterr().err
    assert (tmp_path / "config.toml.bak").read_text() == "# mine\n"


@pytest.mark.parametrize("words", [("add", "x"), ("add",), ("remove",), ("list", "x"), ("check", "x", "y")])
def test_too_many_or_too_few_words(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="Run: optischema-tui profiles"):
        call(tmp_path, *words)
