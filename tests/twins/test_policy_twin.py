"""`policy` and `countersign` as a person calls them."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optischema_tui.cli import run
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.models import digest
from optischema_tui.core.policy.countersign import Request, write_request

NOBODY_YET = 4001
SQL = 'CREATE INDEX CONCURRENTLY "a" ON "public"."items" ("x")'


def config(text: str) -> Path:
    file = Path(os.environ["XDG_CONFIG_HOME"]) / "optischema-tui" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)
    return file


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_without_a_policy_a_target_is_read_only_and_else_open(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "policy", "host=db dbname=shop")
    assert code == 1
    assert "READ ONLY" in out
    code, out, _ = told(capsys, "policy", "host=db dbname=shop", "--allow-changes")
    assert code == 0
    assert "changes may begin now" in out
    assert "create_index" in out
    assert "not among the allowed kinds" not in out


def test_each_rule_is_told_with_the_file_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    file = config(
        "[policy]\nchanges_per_day = 3\n[profiles.p]\nhost = 'db'\nallow_changes = true\n"
        "[profiles.p.policy]\nkinds = ['analyze']\nlargest_table = '500GB'\nsettings = {jit = ['on']}\n"
    )
    code, out, _ = told(capsys, "policy", "p", "--json")
    value = json.loads(out)
    assert (code, value["allowed"]) == (0, True)
    assert [one["kind"] for one in value["kinds"] if one["allowed"]] == ["analyze"]
    rules = {one["key"]: (one["value"], one["source"]) for one in value["rules"]}
    assert rules["kinds"] == ("analyze", f"{file} [profiles.p.policy]")
    assert rules["largest_table"][0] == "500 GB"
    assert rules["settings"][0] == "jit: one of on"
    assert rules["changes_per_day"] == ("3", f"{file} [policy]")
    assert rules["approval_hours"] == ("24", "built in")
    code, out, _ = told(capsys, "policy", "p")
    assert "kinds that may be applied: analyze\n" in out


@pytest.mark.parametrize(
    ("rule", "words"),
    [("window = []", "Closed at"), ("changes_per_day = 0", "0 of 0 were made today"), ("kinds = []", "none"),
     ("second_approver = true", "no countersign_dir is set"), ("kind = 1", "unknown key kind"),
     ("second_approver = true\ncountersign_dir = '/nowhere'", "/nowhere, cannot be used")],
)  # fmt: skip
def test_a_policy_that_forbids_all_ends_with_1(capsys: pytest.CaptureFixture[str], rule: str, words: str) -> None:
    config(f"[profiles.p]\nhost = 'db'\nallow_changes = true\n[profiles.p.policy]\n{rule}\n")
    code, out, _ = told(capsys, "policy", "p")
    assert code == 1
    assert "nothing may be changed now" in out
    assert words in out


def test_a_pulled_kill_switch_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    stop = config("[profiles.p]\nhost = 'db'\nallow_changes = true\n").with_name("STOP")
    assert told(capsys, "policy", "p")[0] == 0
    stop.touch()
    code, out, _ = told(capsys, "policy", "p")
    assert code == 1
    assert f"{stop} is there: nothing is applied (your kill switch)" in out


@pytest.fixture
def request_file() -> Iterator[Path]:
    """A request of a user who is not the one who runs this."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as other users of the machine")
    from optischema_tui.core.clock import SYSTEM

    now = SYSTEM.wall()
    request = Request(
        change="019a9c3e-7b1f-7c00-8000-00000000abcd", fingerprint="f" * 16, database="sh\x1b[31mop",
        kind="create_index", title="Index on items", sql=SQL, inverse_sql='DROP INDEX CONCURRENTLY "public"."a"',
        sql_hash=digest(SQL), risk="low", auto_undo=False, approver="anna", approver_uid=NOBODY_YET,
        approver_login_uid="",
        approved_us=round(now * 1e6), expires_us=round((now + 3600) * 1e6),
    )  # fmt: skip
    directory = Path(tempfile.mkdtemp(prefix="optischema-countersign-"))
    directory.chmod(0o1777)
    os.seteuid(NOBODY_YET)
    try:
        file = write_request(str(directory), request)
    finally:
        os.seteuid(0)
    yield file
    shutil.rmtree(directory)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_second_person_reads_types_and_signs(
    request_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, state_dir: Path
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("sign\n"))
    code, out, err = told(capsys, "countersign", str(request_file))
    assert code == 0
    for words in (SQL, "DROP INDEX", "risk low", "anna", f"uid {NOBODY_YET}"):
        assert words in err
    assert "\x1b" not in err
    signed = request_file.with_name(f"{request_file.stem}.0.signed")
    assert signed.exists()
    assert str(signed) in out
    journal = Journal.open(state_dir / "audit.db")
    entry = journal.entries()[-1]
    journal.close()
    assert (entry.event, entry.body["sql"], entry.body["approver"]) == ("change.countersigned", SQL, "anna")


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "Sign\n", "signed\n"])
def test_another_word_signs_nothing(
    request_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    code, _, err = told(capsys, "countersign", str(request_file))
    assert code == 2
    assert "Nothing was signed" in err
    assert [path.name for path in request_file.parent.iterdir()] == [request_file.name]


def test_without_a_person_only_yes_signs(request_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "countersign", str(request_file), "--json")[0] == 2
    assert len(list(request_file.parent.iterdir())) == 1
    code, out, _ = told(capsys, "countersign", str(request_file), "--json", "--yes")
    assert code == 0
    assert json.loads(out)["sql"] == SQL


def test_the_approver_is_refused_and_a_wrong_file_told(
    request_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    geteuid: Callable[[], int] = lambda: NOBODY_YET  # noqa: E731
    monkeypatch.setattr("os.geteuid", geteuid)
    code, _, err = told(capsys, "countersign", str(request_file), "--yes")
    assert (code, "yourself" in err) == (5, True)
    assert told(capsys, "countersign", "/nowhere/x.json", "--yes")[0] in (2, 7)
    assert len(list(request_file.parent.iterdir())) == 1
