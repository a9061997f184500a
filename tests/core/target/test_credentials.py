"""Where passwords come from: the order, the limits, and that no value is ever told."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import keyring
import keyring.backend
import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config, Profile, load_config
from optischema_tui.core.errors import AuthError
from optischema_tui.core.target.credentials import command, desktop_keyring
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.resolver import describe, resolve, with_password
from optischema_tui.core.target.session import open_session
from optischema_tui.core.target.spec import Renewal, TargetSpec
from tests.conftest import until

SECRET = "hunter2-canary"


def config(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    found = load_config(file)
    assert found.problems == ()
    return found


def of(**keys: object) -> Config:
    profile = Profile("a", (("host", "db"), ("user", "dba")), **keys)  # type: ignore[arg-type]
    return Config(profiles={"a": profile})


def private(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o600)
    return file


class Desk(keyring.backend.KeyringBackend):
    """A keyring of this process."""

    priority = 5  # type: ignore[assignment]
    asked: list[tuple[str, str]]

    def __init__(self, password: str | Exception | threading.Event) -> None:
        self.password = password
        self.asked = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append((service, username))
        if isinstance(self.password, threading.Event):
            self.password.wait(30)
            return None
        if isinstance(self.password, Exception):
            raise self.password
        return self.password

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("nothing is ever stored")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    backend = Desk(SECRET)
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    return backend


def test_the_first_place_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """Each place is taken away in turn; then the next one answers."""
    monkeypatch.setenv("PGPASSWORD", "of-environment")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    credential = private(tmp_path / "optischema-tui-a", "of-systemd\nmore\n")
    passfile = private(Path(os.environ["HOME"], ".pgpass"), "db:*:*:*:of-passfile\n")
    service = private(Path(os.environ["HOME"], ".pg_service.conf"), "[s]\nhost=db\nuser=dba\npassword=of-service\n")
    text = "[profiles.a]\nservice = 's'\nkeyring = true\n"
    known = config(tmp_path, text + "password_command = ['echo', 'of-command']\n")
    desk.password = "of-keyring"

    def found() -> tuple[str, str]:
        spec = resolve("a", known)
        assert not spec.password or spec.password not in spec.password_source + repr(spec) + spec.dsn
        return spec.password, spec.password_source

    assert found() == ("of-command", "password_command of profile a")
    known = config(tmp_path, text)
    assert found() == ("of-service", f"service s in {service}")
    service.write_text("[s]\nhost=db\nuser=dba\n")
    assert found() == ("of-passfile", str(passfile))
    passfile.unlink()
    assert found() == ("of-systemd", f"systemd's credential {credential}")
    credential.unlink()
    assert found() == ("of-keyring", "the keyring (optischema-tui / a)")
    assert desk.asked == [("optischema-tui", "a")]
    desk.password = ""
    assert found()[0] == "of-environment"
    assert "other processes" in found()[1]
    monkeypatch.delenv("PGPASSWORD")
    assert found() == ("", "none: the keyring has no password for optischema-tui / a")


def test_a_login_without_a_secret_says_so(tmp_path: Path) -> None:
    spec = resolve("host=db user=dba sslmode=require sslcert=/c sslkey=/k", Config())
    assert (spec.password, spec.password_source) == ("", "none: the client's certificate stands for it")


def test_listing_a_target_asks_nobody(tmp_path: Path, desk: Desk) -> None:
    ran = tmp_path / "ran"
    known = of(password_command=("touch", str(ran)), keyring=True)
    assert describe("a", known).dsn == "dbname=dba host=db port=5432 user=dba"
    assert not ran.exists()
    assert desk.asked == []


def test_a_keyring_is_asked_only_where_the_profile_says_so(desk: Desk) -> None:
    assert resolve("a", of()).password == ""
    assert desk.asked == []


@pytest.mark.parametrize(("answer", "told"), [(RuntimeError(SECRET), "RuntimeError"), (threading.Event(), "within")])
def test_a_keyring_that_fails_or_hangs_is_passed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: Exception | threading.Event, told: str
) -> None:
    monkeypatch.setattr(desktop_keyring, "SECONDS", 0.2)
    desk.password = answer
    spec = resolve("a", of(keyring=True))
    assert spec.password == ""
    assert told in spec.password_source
    assert SECRET not in spec.password_source
    if isinstance(answer, threading.Event):
        answer.set()


def test_a_machine_without_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", keyring.backends.fail.Keyring)
    assert "no keyring here" in resolve("a", of(keyring=True)).password_source


@pytest.mark.parametrize(
    ("name", "mode", "content", "keys", "password"),
    [
        ("optischema-tui-a", 0o400, "one\ntwo", {}, "one"),
        ("optischema-tui-a", 0o440, "one", {}, "one"),  # systemd's access list for a user shows as the group's
        ("optischema-tui-a", 0o444, "one", {}, ""),
        ("special", 0o400, "one", {"credential": "special"}, "one"),
        ("special", 0o400, "one", {}, ""),
        ("special", 0o400, "\n", {"credential": "special"}, ""),
        ("pgpass", 0o400, "x:*:*:*:no\ndb:5432:dba:dba:yes", {}, "yes"),
        ("pgpass", 0o400, "x:*:*:*:no", {}, ""),
    ],
)
def test_systemds_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: int, content: str, keys: dict[str, str],
    password: str,
) -> None:  # fmt: skip
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / name).write_text(content)
    (folder / name).chmod(mode)
    assert resolve("a", of(**keys)).password == ""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    spec = resolve("a", of(**keys))
    assert spec.password == password
    assert str(folder) in spec.password_source or not keys


def test_a_passfile_of_somebody_else_is_not_used() -> None:
    file = private(Path(os.environ["HOME"], ".pgpass"), f"*:*:*:*:{SECRET}")
    os.chown(file, 12345, -1) if os.geteuid() == 0 else pytest.skip("only root can give files away: run as root")
    spec = resolve("host=db user=dba", Config())
    assert spec.password == ""
    assert "belongs to another user" in spec.password_source


def test_a_service_file_that_others_read_is_named() -> None:
    file = private(Path(os.environ["HOME"], ".pg_service.conf"), f"[s]\nhost=db\npassword={SECRET}\n")
    file.chmod(0o644)
    spec = resolve("service=s user=u", Config())
    assert spec.password == SECRET
    assert "others can read this file" in spec.password_source


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sleep", "30"), "did not end within"),
        (("sh", "-c", "sleep 30 & echo x"), "did not end within"),
        ((sys.executable, "-c", "print('x' * 70000)"), "printed too much"),
        (("sh", "-c", "yes"), "printed too much"),
        (("sh", "-c", f"echo {SECRET} >&2; echo {SECRET}; exit 3"), "Its exit code was 3"),
        (("echo", ""), "printed nothing"),
        (("/none/such",), "No such file"),
        (("a\0b",), "cannot be run"),
    ],
)
def test_the_limits_of_a_command(
    words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "SECONDS", 0.5 if "sleep" in " ".join(words) else 20)
    with pytest.raises(AuthError) as caught:
        resolve("a", of(password_command=words))
    assert told in caught.value.sentence
    assert SECRET not in caught.value.sentence
    assert capfd.readouterr() == ("", "")


def test_a_command_leaves_no_child_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SECONDS", 0.5)
    pid = tmp_path / "pid"
    with pytest.raises(AuthError):
        resolve("a", of(password_command=("sh", "-c", f"sh -c 'echo $$ > {pid}; exec sleep 60'")))
    until(lambda: not Path("/proc", pid.read_text().strip(), "exe").exists(), what="the end of the command's child")


def test_no_shell_reads_the_command() -> None:
    assert resolve("a", of(password_command=("echo", "$HOME; *", "`x`"))).password == "$HOME; * `x`"


def test_a_renewal_asks_once_for_each_refused_password() -> None:
    given = iter(["two", "three"])
    spec = TargetSpec("x", (), password="one", renewal=Renewal("one", lambda: next(given)))
    newer = spec.renewed()
    assert newer is not None
    assert newer.password == "two"
    assert spec.newest.password == "two"
    again = spec.renewed()
    assert again is not None
    assert again.password == "two"
    assert newer.renewed() is not None
    assert spec.newest.password == "three"
    assert TargetSpec("x", (), password="p").renewed() is None
    assert TargetSpec("x", (), password="p", renewal=Renewal("p", lambda: "p")).renewed() is None
    assert with_password(spec, "typed").newest.password == "typed"


async def test_a_token_that_ran_out_is_fetched_again(tcp_server: Cluster, tmp_path: Path) -> None:
    """A password_command is asked when the program starts, and again only when the server refuses what it gave."""
    with psycopg.connect(tcp_server.dsn(), autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS token_user")
        admin.execute("CREATE ROLE token_user LOGIN PASSWORD 'first'")
    token, count = tmp_path / "token", tmp_path / "count"
    token.write_text("first\n")
    known = config(
        tmp_path,
        f"[profiles.a]\nhost = '127.0.0.1'\nport = {tcp_server.port}\nuser = 'token_user'\ndbname = 'postgres'\n"
        f"password_command = ['sh', '-c', 'echo >> {count}; cat {token}']\n",
    )
    spec = resolve("a", known)

    async def both() -> int:
        await (await Observer.connect(spec)).close()
        open_session(spec).close()
        return len(count.read_text())

    assert await both() == 1
    with psycopg.connect(tcp_server.dsn(), autocommit=True) as admin:
        admin.execute("ALTER ROLE token_user PASSWORD 'second'")
    token.write_text("second\n")
    assert await both() == 2
    assert await both() == 2
    token.write_text("wrong\n")
    with psycopg.connect(tcp_server.dsn(), autocommit=True) as admin:
        admin.execute("ALTER ROLE token_user PASSWORD 'third'")
    with pytest.raises(AuthError, match="refused the password"):
        open_session(spec)
    with pytest.raises(AuthError, match="password_command of profile a"):
        await Observer.connect(spec)
    with psycopg.connect(tcp_server.dsn(), autocommit=True) as admin:
        admin.execute("DROP ROLE token_user")
