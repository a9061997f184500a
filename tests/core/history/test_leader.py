"""One of several programs collects: it is found, it ends by any death, and nobody is stopped where nothing locks."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.leader import Leader, holder, lock_path

CHILD = """
import sys
from pathlib import Path
from optischema_tui.core.history.leader import Leader
leader = Leader.acquire(Path(sys.argv[1]), "shop")
print("leads" if leader else "follows", flush=True)
sys.stdin.read()
"""


def start(directory: Path) -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


def end(child: subprocess.Popen[str], by: signal.Signals | None = None) -> None:
    if by is not None:
        child.send_signal(by)
    child.communicate(timeout=20)


def test_one_leads_until_it_lets_go(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert holder(state, "shop") is None
    leader = Leader.acquire(state, "shop", FixedClock(at=1_700_000_000.0))
    assert leader is not None
    assert leader.exclusive
    assert leader.holds()
    assert Leader.acquire(state, "shop") is None, "not twice in one program either"
    other = Leader.acquire(state, "other target")
    assert other is not None, "another target is another matter"
    other.release()
    found = holder(state, "shop")
    assert found is not None
    assert (found.pid, found.since) == (os.getpid(), 1_700_000_000.0)
    assert "/" not in found.command
    assert stat.S_IMODE(lock_path(state, "shop").stat().st_mode) == 0o600
    leader.release()
    leader.release()
    assert holder(state, "shop") is None
    again = Leader.acquire(state, "shop")
    assert again is not None
    again.release()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, None])
def test_the_lead_ends_with_its_process(tmp_path: Path, by: signal.Signals | None) -> None:
    child, told = start(tmp_path)
    assert told == "leads"
    found = holder(tmp_path, "shop")
    assert found is not None
    assert found.pid == child.pid
    assert Leader.acquire(tmp_path, "shop") is None
    second, told = start(tmp_path)
    assert told == "follows"
    end(child, by)
    assert holder(tmp_path, "shop") is None
    leader = Leader.acquire(tmp_path, "shop")
    assert leader is not None
    assert leader.exclusive
    leader.release()
    end(second)


def test_a_child_of_the_leader_does_not_keep_the_lead(tmp_path: Path) -> None:
    leader = Leader.acquire(tmp_path, "shop")
    assert leader is not None
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    leader.release()
    again = Leader.acquire(tmp_path, "shop")
    child.communicate(timeout=20)
    assert again is not None
    assert again.exclusive
    again.release()


def test_a_deleted_lock_is_noticed(tmp_path: Path) -> None:
    leader = Leader.acquire(tmp_path, "shop")
    assert leader is not None
    lock_path(tmp_path, "shop").unlink()
    assert not leader.holds()
    leader.release()


def test_where_nothing_can_be_locked_everyone_leads(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    leader = Leader.acquire(tmp_path / "state", "shop")
    assert leader is not None
    assert not leader.exclusive
    assert leader.holds()
    assert holder(tmp_path / "state", "shop") is None
    leader.release()


def test_what_stands_in_the_lock_is_never_trusted(tmp_path: Path) -> None:
    leader = Leader.acquire(tmp_path, "shop")
    assert leader is not None
    for text, pid in ((b"", 0), (b"[1]", 0), (b'{"pid": 7, "command": "a\\u001b[31m\\nb", "since": 1}', 7)):
        lock_path(tmp_path, "shop").write_bytes(text)
        found = holder(tmp_path, "shop")
        assert found is not None
        assert found.pid == pid
        assert "\x1b" not in found.command
        assert "\n" not in found.command
    leader.release()


def test_a_key_with_any_character_names_a_file(tmp_path: Path) -> None:
    keys = ["a/../../b", "ключ", "x" * 300, "", "plain-key_1"]
    names = {lock_path(tmp_path, one).name for one in keys}
    assert len(names) == len(keys)
    assert all(lock_path(tmp_path, one).parent == tmp_path for one in keys)
    assert "collect-plain-key_1.lock" in names
