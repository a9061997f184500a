from __future__ import annotations

from pathlib import Path

import pytest

from optischema_tui.core.config import load_config

GOOD = """
[profiles.prod]
host = "db.example"
port = 5433
dbname = "shop"
sslmode = "verify-full"
allow_changes = true
interval = 10
label = "Shop, production"
password_command = ["pass", "show", "shop"]

[ui]
theme = "dusk"
ascii = true
mouse = false
refresh = 5.5

[lab]
bindir = "/opt/pg18/bin"
cache = false
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o600)
    return file


def test_every_key_is_read(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.problems == ()
    profile = config.profiles["prod"]
    assert dict(profile.params) == {
        "host": "db.example", "port": "5433", "dbname": "shop", "sslmode": "verify-full"
    }  # fmt: skip
    assert (profile.allow_changes, profile.interval, profile.label) == (True, 10.0, "Shop, production")
    assert profile.password_command == ("pass", "show", "shop")
    assert (config.theme, config.ascii, config.mouse, config.refresh) == ("dusk", True, False, 5.5)
    assert (config.lab_bindir, config.lab_cache) == ("/opt/pg18/bin", False)


def test_a_missing_file_is_no_problem(tmp_path: Path) -> None:
    config = load_config(tmp_path / "none.toml")
    assert config.problems == ()
    assert config.profiles == {}


@pytest.mark.parametrize(
    "text", ["[profiles", "a = ", b"\xff\xfe", "x = 1\nx = 2", "[ui]\ntheme = 'secret-value", "a = " + "[" * 5000]
)
def test_a_broken_file_gives_defaults_and_one_problem_without_quoting_it(tmp_path: Path, text: str | bytes) -> None:
    config = load_config(write(tmp_path, text))
    assert len(config.problems) == 1
    assert str(config.path) in config.problems[0].sentence
    assert "secret-value" not in config.problems[0].sentence
    assert config.refresh == 30.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[profiles.a]\nhots = 'x'", ("hots", "profiles.a", "Did you mean host")),
        ("[profiles.a]\nport = 1.5", ("profiles.a.port", "string or a whole number")),
        ("[profiles.a]\nport = 70000", ("port", "1 to 65535")),
        ("[profiles.a]\nsslmode = 'on'", ("sslmode", "verify-full")),
        ("[profiles.a]\ninterval = 0.2", ("interval", "at least 1")),
        ("[profiles.a]\ninterval = true", ("interval", "seconds")),
        ("[profiles.a]\ninterval = nan", ("interval", "seconds")),
        ("[profiles.a]\nallow_changes = 'yes'", ("allow_changes", "true or false")),
        ("[profiles.a]\npassword_command = 'pass show'", ("password_command", "list of strings")),
        ("[profiles.a]\npassword = 'hunter2'", ("holds a password", "~/.pgpass")),
        ("[profiles.a]\noptions = '-c x=1'", ("options", "Known: ", "host")),
        ("profiles = 3", ("profiles must be a table",)),
        ("[profiles]\na = 3", ("profiles.a must be a table",)),
        ("[ui]\nmouse = 1", ("ui.mouse", "true or false")),
        ("[ui]\nthem = 'x'", ("them", "[ui]", "theme")),
        ("[uy]\n", ("uy", "Did you mean ui")),
        ("[lab]\nbindir = 3", ("lab.bindir", "a string")),
        ("[lab]\ncache = 1", ("lab.cache", "true or false")),
    ],
)
def test_each_mistake_is_named_and_the_rest_is_used(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    good = "\n[profiles.good]\nhost = 'h'\n" if not text.startswith("profiles =") else ""
    config = load_config(write(tmp_path, text + good))
    assert len(config.problems) == 1
    sentence = config.problems[0].sentence
    assert all(word in sentence for word in words), sentence
    assert "hunter2" not in sentence
    assert list(config.profiles) == (["good"] if good else [])


def test_a_command_in_a_file_that_others_may_write_is_not_taken(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    file.chmod(0o666)
    config = load_config(file)
    assert "prod" not in config.profiles
    assert "chmod go-w" in config.broken["prod"].sentence
