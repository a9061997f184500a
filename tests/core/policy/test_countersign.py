"""The second approval as files: real users of the system, and every way to forge one that we know of."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from optischema_tui.core.errors import ChangeRefused, StorageError, UsageError
from optischema_tui.core.models import Change, digest
from optischema_tui.core.policy.check import Approval
from optischema_tui.core.policy.countersign import (
    Request,
    directory_problem,
    read_request,
    request_of,
    sign,
    signatures,
    write_request,
)
from tests.core.policy.conftest import ANNA, BERT, CARL, NOW

Users = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def request_(change: Change) -> Request:
    return request_of(change, approver_uid=ANNA, login_uid="", approval_seconds=24 * 3600.0)


@pytest.fixture
def asked(shared: Path, users: Users, request_: Request) -> Path:
    """Anna's request, in the directory that all share."""
    with users(ANNA):
        return write_request(str(shared), request_)


def signed_by(file: Path, users: Users, uid: int = BERT) -> Path:
    with users(uid):
        return sign(str(file), read_request(str(file)), uid=uid, login_uid="", now=NOW)


def seen(shared: Path, users: Users, request: Request, *, now: float = NOW, root: bool = False) -> tuple[Approval, ...]:
    """What Anna's preflight finds."""
    with users(ANNA):
        return signatures(str(shared), request, now=now, applier_uid=ANNA, root_counts=root)


def only_problem(found: tuple[Approval, ...]) -> str:
    (one,) = found
    return one.problem


def test_another_user_signs_and_it_counts(asked: Path, shared: Path, users: Users, request_: Request) -> None:
    assert seen(shared, users, request_) == ()
    assert (asked.stat().st_uid, asked.stat().st_mode & 0o777) == (ANNA, 0o644)
    file = signed_by(asked, users)
    assert file.name == f"{request_.change}.{BERT}.signed"
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (BERT, 0o644)
    assert seen(shared, users, request_) == (Approval(BERT, f"uid {BERT}", NOW),)
    assert sorted(path.name for path in shared.iterdir()) == sorted([asked.name, file.name]), "nothing else is left"


def test_the_request_says_all_that_is_approved(asked: Path, request_: Request, change: Change) -> None:
    told = json.loads(asked.read_text())
    assert told["sql"] == change.forward_sql
    assert told["inverse_sql"] == change.inverse_sql
    assert (told["sql_hash"], told["risk"], told["approver_uid"]) == (change.sql_hash, "low", ANNA)
    assert told["expires_us"] - told["approved_us"] == 24 * 3600 * 10**6
    assert read_request(str(asked)) == request_
    assert digest(asked.read_text()) == request_.hash


def test_nobody_is_his_own_second_person(asked: Path, users: Users, request_: Request, shared: Path) -> None:
    with users(ANNA), pytest.raises(ChangeRefused, match="yourself"):
        sign(str(asked), request_, uid=ANNA, login_uid="", now=NOW)
    logged_in = replace(request_, approver_login_uid="1000")
    with users(BERT), pytest.raises(ChangeRefused, match="same person"):
        sign(str(asked), logged_in, uid=BERT, login_uid="1000", now=NOW)
    with users(BERT):
        (shared / f"{request_.change}.{BERT}.signed").write_text(body(logged_in, BERT, signer_login_uid="1000"))
    assert "had logged in for it too" in only_problem(seen(shared, users, logged_in))
    (shared / f"{request_.change}.{BERT}.signed").unlink()
    with users(ANNA):  # without asking the program
        forged = shared / f"{request_.change}.{ANNA}.signed"
        forged.write_text(body(request_, ANNA))
    assert "approved the change" in only_problem(seen(shared, users, request_))


def body(request: Request, uid: int, **other: object) -> str:
    content = {
        "format": 1, "change": request.change, "request_hash": request.hash, "signer_uid": uid, "signer_login_uid": "",
        "signed_us": round(NOW * 1e6),
    }  # fmt: skip
    return json.dumps(content | other)


def test_a_file_under_anothers_name_does_not_count(shared: Path, users: Users, request_: Request) -> None:
    with users(ANNA):
        (shared / f"{request_.change}.{BERT}.signed").write_text(body(request_, BERT))
    assert f"belongs to uid {ANNA}" in only_problem(seen(shared, users, request_))


@pytest.mark.parametrize("what", ["symlink", "fifo", "folder", "dangling"])
def test_what_is_no_regular_file_does_not_count(shared: Path, users: Users, request_: Request, what: str) -> None:
    place = shared / f"{request_.change}.{BERT}.signed"
    with users(BERT):
        (shared / "elsewhere").write_text(body(request_, BERT))
    with users(ANNA):
        if what == "fifo":
            os.mkfifo(place)
        elif what == "folder":
            place.mkdir()
        else:
            place.symlink_to(shared / ("elsewhere" if what == "symlink" else "nowhere"))
    assert "does not count" in only_problem(seen(shared, users, request_))


def test_a_real_signature_moved_to_another_change_does_not_count(
    asked: Path, shared: Path, users: Users, request_: Request, change: Change
) -> None:
    file = signed_by(asked, users)
    other = replace(change, id="019a9c3e-7b1f-7c00-8000-00000000ffff")
    second = request_of(other, approver_uid=ANNA, login_uid="", approval_seconds=3600.0)
    os.link(file, shared / f"{second.change}.{BERT}.signed")
    assert "something else" in only_problem(seen(shared, users, second))


def test_a_signature_holds_for_exactly_what_was_shown(
    asked: Path, shared: Path, users: Users, request_: Request, change: Change
) -> None:
    signed_by(asked, users)
    for field, value in asdict(request_).items():
        if field not in ("change", "format", "approver_uid"):
            changed = replace(request_, **{field: value + 1 if isinstance(value, int) else value + "x"})
            assert "something else" in only_problem(seen(shared, users, changed)), field
    later = replace(change, approved_at=change.approved_at + 1)
    again = request_of(later, approver_uid=ANNA, login_uid="", approval_seconds=24 * 3600.0)
    assert "something else" in only_problem(seen(shared, users, again)), "approved anew: it must be signed anew"


def test_a_file_that_others_may_write_does_not_count(
    asked: Path, shared: Path, users: Users, request_: Request
) -> None:
    file = signed_by(asked, users)
    for mode, counts in ((0o664, False), (0o646, False), (0o644, True), (0o600, False)):
        file.chmod(mode)
        assert (only_problem(seen(shared, users, request_)) == "") is counts, oct(mode)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "3", '"x"', "\udcff", "[" * 5000, '{"format": 1}', "x" * (5 << 20),
     '{"format": 1, "change": 1, "request_hash": [], "signer_uid": {}, "signed_us": "x", "signer_login_uid": 0}'],
)  # fmt: skip
def test_nonsense_does_not_count_and_breaks_nothing(
    shared: Path, users: Users, request_: Request, content: str
) -> None:
    with users(BERT):
        file = shared / f"{request_.change}.{BERT}.signed"
        file.write_text(content, errors="surrogateescape")
    assert "does not count" in only_problem(seen(shared, users, request_))


@pytest.mark.parametrize(
    "other",
    [{"signed_us": round((NOW + 3600) * 1e6)}, {"signed_us": round((NOW - 86400) * 1e6)}, {"signed_us": "nan"},
     {"signed_us": 1e400}, {"request_hash": "0" * 64}, {"signer_uid": CARL}, {"format": 2},
     {"change": "x"}],
)  # fmt: skip
def test_one_wrong_word_and_it_does_not_count(
    shared: Path, users: Users, request_: Request, other: dict[str, object]
) -> None:
    with users(BERT):
        (shared / f"{request_.change}.{BERT}.signed").write_text(body(request_, BERT, **other))
    assert "does not count" in only_problem(seen(shared, users, request_)), other


def test_an_expired_approval_is_neither_signed_nor_counted(
    asked: Path, shared: Path, users: Users, request_: Request
) -> None:
    signed_by(asked, users)
    end = request_.expires_us / 1e6
    assert only_problem(seen(shared, users, request_, now=end - 1)) == ""
    assert "expired" in only_problem(seen(shared, users, request_, now=end))
    with users(CARL), pytest.raises(ChangeRefused, match="expired"):
        sign(str(asked), request_, uid=CARL, login_uid="", now=end)


def test_root_counts_only_where_it_is_allowed(asked: Path, shared: Path, users: Users, request_: Request) -> None:
    sign(str(asked), read_request(str(asked)), uid=0, login_uid="", now=NOW)
    assert "root_may_countersign" in only_problem(seen(shared, users, request_))
    assert only_problem(seen(shared, users, request_, root=True)) == ""


def test_one_good_signature_among_bad_ones_is_enough(
    asked: Path, shared: Path, users: Users, request_: Request
) -> None:
    with users(CARL):
        (shared / f"{request_.change}.{CARL}.signed").write_text("{}")
        (shared / f"{request_.change}.0.signed").write_text("{}")
        (shared / f"{request_.change}.x.signed").write_text("{}")
    signed_by(asked, users)
    assert [(one.uid, one.problem == "") for one in seen(shared, users, request_)] == [
        (0, False), (BERT, True), (CARL, False)
    ]  # fmt: skip


def test_in_a_sticky_directory_a_third_user_can_remove_nothing(
    asked: Path, shared: Path, users: Users, request_: Request
) -> None:
    file = signed_by(asked, users)
    with users(CARL):
        for attempt in (file.unlink, lambda: file.rename(shared / "x"), lambda: file.write_text("{}")):
            with pytest.raises(PermissionError):
                attempt()
        (shared / f"{request_.change}.{CARL}.signed").write_text("{}")


def test_a_directory_that_cannot_be_written_is_told(shared: Path, users: Users, request_: Request) -> None:
    shared.chmod(0o755)
    with users(ANNA), pytest.raises(StorageError, match="cannot be written"):
        write_request(str(shared), request_)


def test_a_name_taken_by_another_user_is_told(asked: Path, shared: Path, users: Users, request_: Request) -> None:
    with users(CARL):
        (shared / f"{request_.change}.{BERT}.signed").write_text("{}")
    with users(BERT), pytest.raises(StorageError, match="cannot be written"):
        sign(str(asked), request_, uid=BERT, login_uid="", now=NOW)
    assert not [path for path in shared.iterdir() if path.name.startswith(".")]


def test_a_request_is_believed_only_from_its_approver(
    asked: Path, shared: Path, users: Users, request_: Request
) -> None:
    forged = replace(request_, change="019a9c3e-7b1f-7c00-8000-00000000eeee")
    with users(CARL):
        other = write_request(str(shared), forged)
    with pytest.raises(UsageError, match="cannot be trusted"):
        read_request(str(other))
    asked.chmod(0o666)
    with pytest.raises(UsageError, match="cannot be trusted"):
        read_request(str(asked))


@pytest.mark.parametrize(
    "change_",
    [{"sql": "DROP TABLE items"}, {"format": 2}, {"change": "../x"}, {"approver_uid": "3001"}, {"approver_uid": True},
     {"more": 1}, {"sql": None}, {"title": ["x"]}],
)  # fmt: skip
def test_an_altered_request_is_refused(
    asked: Path, users: Users, request_: Request, change_: dict[str, object]
) -> None:
    with users(ANNA):
        asked.write_text(json.dumps(asdict(request_) | change_))
    with pytest.raises(UsageError):
        read_request(str(asked))


def test_a_request_that_is_none(tmp_path: Path) -> None:
    for name, content in (("a.json", "x"), ("b.json", "[]"), ("c.json", ""), ("d", "{}")):
        (tmp_path / name).write_text(content)
        with pytest.raises(UsageError):
            read_request(str(tmp_path / name))
    with pytest.raises(UsageError, match="cannot be read"):
        read_request(str(tmp_path / "none.json"))
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_request(str(tmp_path / "link.json"))


def test_which_directories_will_do(tmp_path: Path) -> None:
    place = tmp_path / "sign"
    assert "cannot be used" in directory_problem(str(place))
    place.mkdir()
    for mode, fits in ((0o777, False), (0o1777, True), (0o770, True), (0o3770, True), (0o702, False), (0o755, True)):
        place.chmod(mode)
        assert (directory_problem(str(place)) == "") is fits, oct(mode)
    link = tmp_path / "link"
    link.symlink_to(place)
    assert "a link, or no directory" in directory_problem(str(link))
    (tmp_path / "file").write_text("x")
    assert "a link, or no directory" in directory_problem(str(tmp_path / "file"))


def test_a_directory_that_is_open_to_all_makes_nothing_count(
    asked: Path, shared: Path, users: Users, request_: Request
) -> None:
    signed_by(asked, users)
    shared.chmod(0o777)
    assert "open to all" in only_problem(seen(shared, users, request_))
    with users(CARL), pytest.raises(StorageError, match="open to all"):
        sign(str(asked), request_, uid=CARL, login_uid="", now=NOW)
