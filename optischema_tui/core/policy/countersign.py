"""The approval of a second person, as files in a directory that both may write.

`<id>.json` is the request: what was approved, in full. `<id>.<uid>.signed` is the answer: the request's hash. Its proof
is who owns the file, as the kernel says: nobody but root can give a file away. So the answer counts only as a regular
file of another user that nobody else may write. Root can forge it, and so can whoever may act as that user.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from optischema_tui.core.errors import ChangeRefused, OptischemaError, StorageError, UsageError
from optischema_tui.core.models import Change, digest
from optischema_tui.core.policy.check import Approval
from optischema_tui.core.policy.plain_file import read_plain
from optischema_tui.core.safe_text import one_line

FORMAT = 1
_ID = re.compile(r"[0-9a-f][0-9a-f-]{7,63}")
_SIGNED = re.compile(r"([0-9a-f][0-9a-f-]{7,63})\.(\d{1,10})\.signed")
_MOST_BYTES = 4 << 20
_SLACK = 300.0
"""Seconds by which a file's own time may lie ahead of ours."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a second person is asked to approve. Everything in it is bound by the hash."""

    change: str
    """Id of the change."""
    fingerprint: str
    database: str
    kind: str
    title: str
    sql: str
    """All that will run, exactly."""
    inverse_sql: str
    sql_hash: str
    risk: str
    auto_undo: bool
    """It is rolled back without a question when it makes a statement worse."""
    approver: str
    approver_uid: int
    approver_login_uid: str
    """What survives su and sudo, where the system keeps it; else empty."""
    approved_us: int
    """Microseconds since 1970."""
    expires_us: int
    format: int = FORMAT

    @property
    def text(self) -> str:
        """Canonical JSON: keys sorted, ASCII, no space."""
        return _canonical(asdict(self))

    @property
    def hash(self) -> str:
        """SHA-256 of `text`."""
        return digest(self.text)


def request_of(change: Change, *, approver_uid: int, login_uid: str, approval_seconds: float) -> Request:
    """The request of an approved change: the same from the same change, so that a signature can be held against it."""
    approved_us = round(change.approved_at * 1_000_000)
    return Request(
        change=change.id,
        fingerprint=change.target.fingerprint,
        database=change.target.database,
        kind=change.kind,
        title=change.title,
        sql=change.forward_sql,
        inverse_sql=change.inverse_sql,
        sql_hash=change.sql_hash,
        risk=str(change.detail.get("risk", "")),
        auto_undo=bool(change.detail.get("auto_undo")),
        approver=change.approved_by,
        approver_uid=approver_uid,
        approver_login_uid=login_uid,
        approved_us=approved_us,
        expires_us=approved_us + round(approval_seconds * 1_000_000),
    )


def write_request(directory: str, request: Request) -> Path:
    """Put the request where the second person finds it; an older one of the same change is replaced.

    Raises StorageError when it cannot be written or when the directory is not fit.
    """
    name = f"{request.change}.json"
    with _opened(directory) as folder:
        _write(folder, name, request.text, directory)
    return Path(directory, name)


def read_request(file: str) -> Request:
    """The request in `file`, which must be its approver's own. Raises UsageError when it is not one, StorageError when
    its directory is not fit."""
    path = Path(file)
    try:
        with _opened(str(path.parent)) as folder:
            content, seen = read_plain(path.name, _MOST_BYTES, folder)
        raw = json.loads(content)
    except OSError as error:
        raise UsageError(f"{one_line(file)} cannot be read", str(error.strerror or error)) from error
    except (ValueError, RecursionError):
        raw = None
    names = {each.name: each.type for each in fields(Request)}
    types = {"str": str, "int": int, "bool": bool}
    if not isinstance(raw, dict) or set(raw) != set(names) or raw["format"] != FORMAT:
        raise UsageError(f"{one_line(file)} is not a request for a second approval")
    if not all(type(raw[name]) is types[str(kind)] for name, kind in names.items()):
        raise UsageError(f"{one_line(file)} is not a request for a second approval")
    request = Request(**raw)
    if not _ID.fullmatch(request.change) or path.name != f"{request.change}.json":
        raise UsageError(f"{one_line(file)} does not have the name of its change", "", f"It was {request.change}.json")
    if digest(request.sql) != request.sql_hash:
        raise UsageError(f"{one_line(file)} was altered", "Its SQL has another hash than it says")
    if seen.st_uid != request.approver_uid or seen.st_mode & 0o022:
        raise UsageError(
            f"{one_line(file)} cannot be trusted",
            f"It says that uid {request.approver_uid} has approved, but that user alone did not write it",
        )
    return request


def refuse_unless_second(request: Request, *, uid: int, login_uid: str, now: float) -> None:
    """Raise ChangeRefused when the user `uid` cannot be the second person of `request`, or it is too late."""
    if uid == request.approver_uid:
        raise ChangeRefused(
            "You have approved this change yourself",
            f"The second approval must come from another user than {one_line(request.approver, 40)}",
        )
    if login_uid and login_uid == request.approver_login_uid:
        raise ChangeRefused(
            "The same person has approved this change",
            f"This session was logged in by uid {login_uid}, as the one that approved",
            "Another person must log in and run this",
        )
    if now * 1e6 >= request.expires_us:
        raise ChangeRefused("The approval has expired", todo=f"Ask {one_line(request.approver, 40)} to approve again")


def sign(file: str, request: Request, *, uid: int, login_uid: str, now: float) -> Path:
    """Write the second approval of `request` beside its `file`, as this process's own. Raises as
    `refuse_unless_second`, and StorageError."""
    refuse_unless_second(request, uid=uid, login_uid=login_uid, now=now)
    directory, name = str(Path(file).parent), f"{request.change}.{uid}.signed"
    body = {
        "format": FORMAT,
        "change": request.change,
        "request_hash": request.hash,
        "signer_uid": uid,
        "signer_login_uid": login_uid,
        "signed_us": round(now * 1_000_000),
    }
    with _opened(directory) as folder:
        _write(folder, name, _canonical(body), directory)
    return Path(directory, name)


def signatures(
    directory: str, request: Request, *, now: float, applier_uid: int, root_counts: bool = False
) -> tuple[Approval, ...]:
    """Every file that claims to be the second approval of `request`, those that count and those that do not, by uid.

    `applier_uid` is the user who is about to apply it, whose own signature never counts. A directory that cannot be
    relied on is told as one that does not count. Never raises.
    """
    barred = {} if root_counts else {0: "root counts as a second person only with root_may_countersign = true"}
    barred |= {
        applier_uid: "it is of the user who applies the change",
        request.approver_uid: "it is of the user who approved the change",
    }
    try:
        with _opened(directory) as folder:
            names = sorted(name for name in os.listdir(folder) if name.startswith(f"{request.change}."))
            found = [match for name in names if (match := _SIGNED.fullmatch(name))]
            read = [_signature(folder, match, request, now, barred) for match in found]
    except OptischemaError as error:
        return (Approval(-1, "", problem=error.sentence.rstrip(".")),)
    except OSError as error:
        return (Approval(-1, "", problem=f"{directory} cannot be read: {error.strerror}"),)
    return tuple(sorted(read, key=lambda each: each.uid))


def directory_problem(directory: str) -> str:
    """Why requests and signatures must not lie there, one sentence; empty when they may."""
    try:
        with _opened(directory):
            return ""
    except (OptischemaError, OSError) as error:
        return error.sentence if isinstance(error, OptischemaError) else f"{directory}: {error.strerror}"


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _signature(folder: int, match: re.Match[str], request: Request, now: float, barred: Mapping[int, str]) -> Approval:
    name, uid = match[0], int(match[2])
    try:
        content, seen = read_plain(name, _MOST_BYTES, folder)
    except OSError as error:
        return Approval(uid, f"uid {uid}", problem=f"{name} does not count: {error.strerror}")
    wrong, at = _wrong(content, seen, uid, request, now, barred)
    return Approval(uid, user_name(uid), at, f"{name} does not count: {wrong}" if wrong else "")


def _wrong(
    content: bytes, seen: os.stat_result, uid: int, request: Request, now: float, barred: Mapping[int, str]
) -> tuple[str, float]:
    """Why a signature does not count, and when it says it was made."""
    if seen.st_uid != uid:
        return f"it belongs to uid {seen.st_uid}, not to uid {uid}", 0.0
    if seen.st_uid in barred:
        return barred[seen.st_uid], 0.0
    if seen.st_mode & 0o022:
        return "others than its owner may write it", 0.0
    try:
        body = json.loads(content)
        told = {key: body[key] for key in ("format", "change", "request_hash", "signer_uid")}
        at, login = float(body["signed_us"]) / 1e6, str(body["signer_login_uid"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return "its content is not a second approval", 0.0
    if told != {"format": FORMAT, "change": request.change, "request_hash": request.hash, "signer_uid": uid}:
        return "it was given for something else than what is approved now", at
    if login and login == request.approver_login_uid:
        return "the person who approved had logged in for it too", at
    if not request.approved_us / 1e6 - _SLACK <= at <= now + _SLACK:
        return "its time lies before the approval or in the future", at
    if now * 1e6 >= request.expires_us:
        return "the approval has expired", at
    return "", at


@contextmanager
def _opened(directory: str) -> Iterator[int]:
    """The directory as a descriptor, so that what was checked is what is used. Raises StorageError, OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    where = one_line(directory, 200)
    try:
        folder = os.open(directory or ".", flags)
    except OSError as error:
        raise StorageError(
            f"The directory of second approvals, {where}, cannot be used",
            "It is a link, or no directory" if error.errno in (20, 40) else str(error.strerror),
            "Make one that both may write: install -d -m 3770 -g GROUP DIRECTORY",
        ) from error
    try:
        mode = os.fstat(folder).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise StorageError(
                f"The directory of second approvals, {where}, is open to all",
                "Anyone may remove or replace the files of others in it",
                f"Run: chmod 3770 {where}, with a group of those who may approve",
            )
        yield folder
    finally:
        os.close(folder)


def _write(folder: int, name: str, text: str, directory: str) -> None:
    """Write all or nothing, readable for everyone who may enter the directory, writable for this user alone."""
    temporary = f".{name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fchmod(descriptor, 0o644)
                os.fsync(descriptor)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
        os.fsync(folder)
    except OSError as error:
        raise StorageError(
            f"{one_line(name)} cannot be written into {one_line(directory, 200)}",
            str(error.strerror or error),
            "Both persons must be able to write that directory",
        ) from error


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
