from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from optischema_tui.core.config import Config, load_config
from optischema_tui.core.errors import AuthError, UsageError
from optischema_tui.core.target.resolver import resolve, with_password

NOTHING = Config(Path("/etc/none/config.toml"))
SECRET = "hunter2"


def config(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    found = load_config(file)
    assert found.problems == ()
    return found


def private(name: str, text: str) -> Path:
    file = Path(os.environ["HOME"], name)
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_a_profile(tmp_path: Path) -> None:
    known = config(tmp_path, "[profiles.prod]\nhost='db'\nuser='dba'\ninterval=7\nallow_changes=true\nlabel='Shop'")
    spec = resolve("prod", known)
    assert spec.dsn == "dbname=dba host=db port=5432 user=dba"
    assert (spec.label, spec.profile, spec.interval, spec.allow_changes) == ("Shop", "prod", 7.0, True)
    assert resolve("dbname=dba host=db user=dba", known).profile == "prod"
    assert resolve("dbname=other host=db user=dba", known).profile == ""
    assert resolve("dbname=other host=db user=dba", known).allow_changes is False


def test_an_unknown_profile_names_the_nearest_and_the_file(tmp_path: Path) -> None:
    known = config(tmp_path, "[profiles.production]\nhost='db'\n[profiles.test]\nhost='x'")
    with pytest.raises(UsageError) as caught:
        resolve("producton", known)
    assert "Did you mean production?" in caught.value.sentence
    assert str(known.path) in caught.value.sentence


def test_a_broken_profile_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[profiles.prod]\nhots='db'")
    with pytest.raises(UsageError, match="hots"):
        resolve("prod", load_config(file))


@pytest.mark.parametrize("text", [f"my {SECRET}", f"mysql://dba:{SECRET}@db/x", f"postgres:/{SECRET}@x", "a\x1b[31mb"])
def test_what_cannot_be_read_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(text, NOTHING)
    assert SECRET not in caught.value.sentence
    assert "\x1b" not in caught.value.sentence


def test_the_environment_fills_what_the_target_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PGHOST": "env",
        "PGPORT": "6",
        "PGUSER": "eve",
        "PGDATABASE": "d",
        "PGSSLMODE": "require",
    }.items():
        monkeypatch.setenv(name, value)
    assert resolve(None, NOTHING).dsn == "dbname=d host=env port=6 sslmode=require user=eve"
    spec = resolve("postgresql://h/shop", NOTHING)
    assert spec.dsn == "dbname=shop host=h port=6 sslmode=require user=eve"
    assert spec.label == "h/shop"


def test_a_service_gives_its_parameters_and_its_password() -> None:
    private(".pg_service.conf", f"# c\n[shop]\nhost=db\nport=5433\nuser=dba\npassword={SECRET}\n\n[other]\nhost=x\n")
    spec = resolve("service=shop dbname=mine", NOTHING)
    assert spec.dsn == "dbname=mine host=db port=5433 user=dba"
    assert spec.password == SECRET
    assert "service shop" in spec.password_source
    assert SECRET not in repr(spec) + spec.dsn + spec.password_source
    assert resolve("service=other", NOTHING).label == "other"
    with pytest.raises(UsageError, match="Did you mean shop"):
        resolve("service=shob", NOTHING)


def test_a_service_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "services"
    file.write_text("[a]\nhost=db\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "a")
    assert resolve(None, NOTHING).get("host") == "db"


PASSFILE = r"""
# a comment
db:5432:shop:dba:for-shop
db:*:*:dba:colon\:and\\back
localhost:*:*:*:for-local
/run/own:5432:*:dba:for-socket
*:9999:*:*:
"""


@pytest.mark.parametrize(
    ("target", "password"),
    [
        ("host=db user=dba dbname=shop", "for-shop"),
        ("host=db user=dba dbname=x port=1", "colon:and\\back"),
        ("host=db user=eve dbname=shop", ""),
        ("host=localhost user=eve", "for-local"),
        ("host=/var/run/postgresql user=eve", "for-local"),
        ("host=/run/own user=dba", "for-socket"),
        ("host=/run/else user=dba", ""),
        ("host=a port=9999 user=b", ""),
        ("host=x,db port=5432 user=dba dbname=shop", "for-shop"),
    ],
)
def test_the_passfile_is_matched_as_libpq_matches_it(target: str, password: str) -> None:
    file = private(".pgpass", PASSFILE)
    spec = resolve(target, NOTHING)
    assert spec.password == password
    assert spec.password_source == (str(file) if password else "none")


def test_a_passfile_that_others_can_read_is_not_used_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    private(".pgpass", PASSFILE).chmod(0o644)
    spec = resolve("host=db user=dba dbname=shop", NOTHING)
    assert spec.password == ""
    assert "0644" in spec.password_source
    assert "chmod 0600" in spec.password_source
    assert capfd.readouterr() == ("", "")


def test_the_order_of_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = config(tmp_path, f"[profiles.a]\nhost='db'\nuser='dba'\npassword_command=['printf','{SECRET}\\n2']")
    monkeypatch.setenv("PGPASSWORD", "env")
    assert resolve("host=zz user=dba", NOTHING).password == "env"
    assert "PGPASSWORD" in resolve("host=zz user=dba", NOTHING).password_source
    private(".pgpass", "db:*:*:*:file")
    assert resolve("host=db user=dba", NOTHING).password == "file"
    spec = resolve("a", known)
    assert (spec.password, spec.password_source) == (SECRET, "password_command of profile a")
    typed = with_password(spec, "typed")
    assert (typed.password, typed.dsn) == ("typed", spec.dsn)
    asked: list[str] = []
    assert resolve("host=q user=u", NOTHING, prompt=lambda label: asked.append(label) or "p").password == "env"
    monkeypatch.delenv("PGPASSWORD")
    assert resolve("host=q user=u dbname=d", NOTHING, prompt=lambda label: asked.append(label) or "p").password == "p"
    assert asked == ["q/d"]


@pytest.mark.parametrize(
    "command", ["['false']", "['/none/such']", "['true']", f"['sh', '-c', 'echo {SECRET}; exit 3']"]
)
def test_a_password_command_that_fails_is_told_without_its_output(tmp_path: Path, command: str) -> None:
    known = config(tmp_path, f"[profiles.a]\nhost='db'\npassword_command={command}")
    with pytest.raises(AuthError, match="password_command of profile a") as caught:
        resolve("a", known)
    assert SECRET not in caught.value.sentence


def test_a_private_socket_directory_brings_its_own_rules(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "profile.toml").write_text('allow_changes = true\ninterval = 5\nlabel = "demo shop"\n')
    spec = resolve(f"host={folder} user=u", NOTHING)
    assert (spec.allow_changes, spec.interval, spec.label) == (True, 5.0, "demo shop")
    folder.chmod(stat.S_IRWXU | stat.S_IXGRP)
    assert resolve(f"host={folder} user=u", NOTHING).allow_changes is False


def test_changes_are_off_unless_allowed() -> None:
    assert resolve("host=h user=u", NOTHING).allow_changes is False
    assert resolve("host=h user=u", NOTHING, allow_changes=True).allow_changes is True


def test_resolving_loads_no_driver() -> None:
    code = (
        "import sys; from pathlib import Path; from optischema_tui.core.config import load_config;"
        "from optischema_tui.core.target.resolver import resolve;"
        "resolve('postgresql://u@h/d', load_config(Path('/none')));"
        "print([m for m in ('psycopg','asyncpg','ssl','asyncio','sqlglot','textual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("host=a,b port=1,2,3", "more ports than hosts"),
        ("host=a port=1,2", "more ports than hosts"),
        ("host=a,b,c hostaddr=1.1.1.1,2.2.2.2", "more host addresses than hosts"),
        ("hostaddr=1.1.1.1 sslmode=verify-full", "needs host="),
        ("host=a sslmode=require sslrootcert=system", "needs sslmode=verify-full"),
        ("host=a gssencmode=require", "gssencmode"),
        ("host=a requirepeer=postgres", "requirepeer"),
        ("host=a channel_binding=always", "channel_binding"),
        ("host=a require_auth=telepathy", "require_auth"),
        ("host=a options=-cwork_mem=1", "options"),
    ],
)
def test_what_one_driver_would_take_otherwise_is_refused(target: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        resolve(target + " user=u", NOTHING)


@pytest.mark.parametrize("name", ["PGREQUIREPEER", "PGSSLCRLDIR"])
def test_variables_that_one_driver_would_not_see_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(UsageError, match=name[2:].lower()) as caught:
        resolve("host=a user=u", NOTHING)
    assert SECRET not in caught.value.sentence


def test_the_environment_requires_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGREQUIREAUTH", "scram-sha-256")
    monkeypatch.setenv("PGCHANNELBINDING", "require")
    spec = resolve("host=a user=u", NOTHING)
    assert (spec.get("require_auth"), spec.get("channel_binding")) == ("scram-sha-256", "require")


def test_the_systems_cas_mean_verify_full() -> None:
    assert resolve("host=a user=u sslrootcert=system", NOTHING).get("sslmode") == "verify-full"


def test_a_profile_brings_its_rhythms_filters_and_theme(tmp_path: Path) -> None:
    known = config(
        tmp_path,
        "[profiles.a]\nhost='db'\ninterval=20\nshow=['maintenance']\ntheme='dusk'\n"
        "[profiles.a.intervals]\nstatements=10\nlocks=0\ntables=600\n[profiles.b]\nhost='eb'\ninterval=20\n",
    )
    spec = resolve("a", known)
    assert (spec.interval, spec.intervals) == (10.0, (("locks", 0.0), ("tables", 600.0)))
    assert (spec.show, spec.theme) == (("maintenance",), "dusk")
    assert (resolve("b", known).interval, resolve("b", known).intervals) == (20.0, ())
