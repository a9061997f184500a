"""Profiles: what they may hold, how they are written, and that no file whatever breaks the program."""

from __future__ import annotations

import random
import stat
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from optischema_tui.core.collect import families
from optischema_tui.core.config import ModelEndpoint, Profile, load_config
from optischema_tui.core.config.writer import remove_profile, save_profile
from optischema_tui.core.errors import ConfigError, StorageError, UsageError
from optischema_tui.core.family_names import FAMILIES
from optischema_tui.core.workload.filter import REASONS

CANARY = "hunter2-canary"
FULL = """\
# the shop
[profiles.prod]
host = "db.internal"
hostaddr = "127.0.0.1"
port = 6432
user = "dba"
sslmode = "verify-full"
sslrootcert = "system"
channel_binding = "require"
require_auth = "scram-sha-256"
target_session_attrs = "prefer-standby"
keyring = true
credential = "shop.cred"
label = "Shop"
interval = 20
allow_changes = true
show = ["maintenance", "nested"]
theme = "dusk"

[profiles.prod.intervals]
activity = 1
statements = 15.5
tables = 300
locks = 0

[profiles.prod.model]
provider = "ollama"
url = "http://127.0.0.1:11434"
model = "qwen3:8b"

[profiles.other]
service = "x"

[ui]
theme = "dark"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "etc" / "config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    return file


def test_everything_a_profile_may_hold(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, FULL))
    assert config.problems == ()
    prod = config.profiles["prod"]
    assert prod.intervals == (("activity", 1.0), ("locks", 0.0), ("statements", 15.5), ("tables", 300.0))
    assert (prod.show, prod.theme, prod.keyring, prod.credential) == (
        ("maintenance", "nested"), "dusk", True, "shop.cred",
    )  # fmt: skip
    assert prod.model == ModelEndpoint("ollama", "http://127.0.0.1:11434", "qwen3:8b")
    assert dict(prod.params)["require_auth"] == "scram-sha-256"
    assert config.profiles["other"] == Profile("other", (("service", "x"),))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervals = {actvity = 1}", ("unknown key actvity", "[profiles.a.intervals]", "Did you mean activity?")),
        ("intervals = {tables = 0.5}", ("profiles.a.intervals.tables", "0 (off) or a number of seconds")),
        ("intervals = {statements = 0}", ("profiles.a.intervals.statements", "at least 1")),
        ("intervals = {tables = -1}", ("profiles.a.intervals.tables",)),
        ("intervals = 3", ("profiles.a.intervals", "a table of seconds")),
        ("show = ['maintenence']", ("profiles.a.show", "maintenance")),
        ("show = 'maintenance'", ("profiles.a.show", "a list")),
        ("model = {provider = 'ollma'}", ("profiles.a.model.provider", "ollama")),
        ("model = {provider = 'ollama', url = 'ftp://x'}", ("profiles.a.model.url", "http://")),
        (f"model = {{provider = 'ollama', url = 'http://u:{CANARY}@x'}}", ("profiles.a.model.url", "without a user")),
        (f"model = {{provider = 'ollama', api_key = '{CANARY}'}}", ("unknown key api_key", "[profiles.a.model]")),
        ("keyring = 1", ("profiles.a.keyring", "true or false")),
        ("credential = '../../etc/shadow'", ("profiles.a.credential", "without a directory")),
        ("channel_binding = 'requir'", ("channel_binding", "Did you mean require")),
        ("require_auth = 'scram-sha-256,!md5'", ("require_auth", "all or none with a !")),
        ("connect_timeout = -1", ("connect_timeout",)),
        ("port = '٥٤٣٢'", ("port",)),
    ],
)
def test_each_mistake_names_the_file_the_key_and_the_nearest_name(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    file = write(tmp_path, f"[profiles.a]\n{text}\n[profiles.good]\nhost = 'h'\n")
    config = load_config(file)
    assert list(config.profiles) == ["good"]
    (problem,) = config.problems
    assert all(word in problem.sentence for word in (str(file), *words)), problem.sentence
    assert CANARY not in problem.sentence


def test_every_mistake_of_a_profile_is_told_at_once(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[profiles.a]\nhots = 'x'\ninterval = 'soon'\nintervals = {tabels = 3}\n"))
    told = " ".join(problem.sentence for problem in config.problems)
    assert len(config.problems) == 3
    assert all(word in told for word in ("hots", "interval", "tabels", "Did you mean tables"))
    assert config.broken["a"] in config.problems


def test_a_saved_profile_is_read_back_and_the_rest_stays(tmp_path: Path) -> None:
    file = write(tmp_path, FULL)
    before = load_config(file)
    prod = before.profiles["prod"]
    notice = save_profile(file, replace(prod, name="copy", password_command=("pass", "show", "x y'\"\n")))
    assert str(file) + ".bak" in notice
    after = load_config(file)
    assert after.problems == ()
    assert after.profiles["copy"] == replace(prod, name="copy", password_command=("pass", "show", "x y'\"\n"))
    assert {name: after.profiles[name] for name in before.profiles} == before.profiles
    assert after.theme == "dark"
    assert Path(f"{file}.bak").read_text() == FULL
    modes = {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {0o600}
    assert sorted(path.name for path in file.parent.iterdir()) == ["config.toml", "config.toml.bak"]
    assert remove_profile(file, "copy") == ""
    assert load_config(file).profiles == before.profiles


def test_the_first_profile_makes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    assert save_profile(file, Profile("a", (("host", "h"),))) == ""
    assert tomllib.loads(file.read_text()) == {"profiles": {"a": {"host": "h"}}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real = write(tmp_path, "[ui]\nascii = true\n")
    link = tmp_path / "link.toml"
    link.symlink_to(real)
    save_profile(link, Profile("a", (("host", "h"),)))
    assert link.is_symlink()
    assert load_config(real).ascii
    assert "a" in load_config(real).profiles


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        (Profile("a b"), UsageError),
        (Profile("a", (("port", "0"),)), ConfigError),
        (Profile("a", (("password", CANARY),)), ConfigError),
        (Profile("a", intervals=(("nothing", 1.0),)), ConfigError),
        (Profile("a", interval=0.1), ConfigError),
    ],
)
def test_a_wrong_profile_is_not_written(tmp_path: Path, profile: Profile, kind: type[UsageError]) -> None:
    file = write(tmp_path, FULL)
    with pytest.raises(kind) as caught:
        save_profile(file, profile)
    assert CANARY not in caught.value.sentence
    assert file.read_text() == FULL


def test_a_file_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    file = write(tmp_path, "[profiles")
    with pytest.raises(ConfigError):
        save_profile(file, Profile("a"))
    assert file.read_text() == "[profiles"
    with pytest.raises(UsageError, match="no profile a"):
        remove_profile(tmp_path / "none.toml", "a")
    (file.parent / "folder.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        save_profile(file.parent / "folder.toml", Profile("a", (("host", "h"),)))
    with pytest.raises(StorageError):
        save_profile(Path("/proc/none/config.toml"), Profile("a", (("host", "h"),)))


def test_500_mutated_files(tmp_path: Path) -> None:
    """No traceback; every problem names the file; a valid file gives no problem without a name of a key."""
    dice = random.Random(3)
    words = ["= ", "[", "]", "\n", "true", "nan", "-1", "1e999", "''", "[[profiles]]", "{", "}", "\x00", "é", "''' ",
             "99999999999999999999", "1979-05-27", "profiles", "password", "0x7f", ".", '"', "\\u0000"]  # fmt: skip
    told = 0
    for _ in range(500):
        text = FULL.replace('"dba"', f'"{CANARY}"')
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(text))
            kind = dice.randrange(4)
            if kind == 0:
                text = text[:at] + dice.choice(words) + text[at:]
            elif kind == 1:
                text = text[:at] + text[at + dice.randint(1, 12) :]
            elif kind == 2:
                lines = text.splitlines(keepends=True)
                dice.shuffle(lines)
                text = "".join(lines)
            else:
                line = dice.choice(text.splitlines() or [""])
                text = text.replace(line, line.partition("=")[0] + "= " + dice.choice(words), 1)
        file = write(tmp_path, text)
        config = load_config(file)
        for problem in config.problems:
            told += 1
            assert str(file) in problem.sentence
            assert CANARY not in problem.sentence
            assert "\n" not in problem.sentence
            assert "\x00" not in problem.sentence
        assert set(config.broken).isdisjoint(config.profiles)
        assert set(config.broken.values()) <= set(config.problems)
    assert told > 300


def test_pydantic_is_loaded_for_a_file_only(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from optischema_tui.core.config import load_config;"
        "load_config(Path(sys.argv[1])); print('pydantic' in sys.modules, 'tomli_w' in sys.modules)"
    )
    for file, loaded in ((tmp_path / "none.toml", "False"), (write(tmp_path, FULL), "True")):
        done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
        assert done.stdout.split() == [loaded, "False"]


def test_the_families_are_those_that_are_read() -> None:
    assert {family.name for family in families.ALL} | {"statements", "activity"} == set(FAMILIES)
    assert set(REASONS)
