"""A change made or undone in a process of its own, to be killed. It is forked from one that has the imports done:
an interpreter started anew spends most of its time on those."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change import faults, protocol
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.errors import ChangeFailed, ChangeRefused, TargetError
from optischema_tui.core.target.spec import TargetSpec

REFUSED = 3
"""The exit code of a change that failed as changes fail: by an error of the program's own."""

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


class Killable:
    """What the tests use of subprocess.Popen. It is at work, and has nothing left to load, once it is made."""

    def __init__(self, step: Callable[..., int], *arguments: Any, fault: str = "", **named: Any) -> None:
        self._said, saying = _PROCESSES.Pipe(duplex=False)
        environment = {**os.environ, faults.VARIABLE: fault}
        self._process = _PROCESSES.Process(target=_run, args=(saying, environment, step, arguments, named))
        self._process.start()
        saying.close()
        assert self._said.recv() == "ready"

    @property
    def returncode(self) -> int | None:
        """As in subprocess: minus the signal's number where one has ended it."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("the change", timeout)
        return self._process.exitcode

    def communicate(self, timeout: float) -> str:
        """Wait for its end; gives what it said of an error."""
        self.wait(timeout)
        try:
            return str(self._said.recv()) if self._said.poll() else ""
        except EOFError:
            return ""

    def kill(self) -> None:
        self._process.kill()


def _run(
    saying: Connection, environment: dict[str, str], step: Callable[..., int], arguments: Any, named: dict[str, Any]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    saying.send("ready")
    try:
        code = step(*arguments, **named)
    except (ChangeFailed, ChangeRefused, TargetError) as error:
        saying.send(error.sentence)
        code = REFUSED
    except BaseException:
        saying.send(traceback.format_exc())
        code = 1
    sys.exit(code)


def run_change(
    what: str, dsn: str, audit: str, change_id: str, *,
    limits: Limits | None = None, longest_pause: float | None = None, typed: str = "",
) -> int:  # fmt: skip
    """The step: "apply" or "rollback", as one call of the program would. `longest_pause` in seconds, 0 gives up at
    once; None waits as the program does."""
    params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
    spec = TargetSpec("test", params, allow_changes=True)
    more: dict[str, Any] = {} if limits is None else {"limits": limits}
    if longest_pause is not None:
        more["pause"] = lambda seconds: bool(longest_pause) and threading.Event().wait(min(seconds, longest_pause))
    if what == "apply":
        protocol.apply_change(Journal.open(Path(audit)), spec, change_id, typed=typed, **more)
    else:
        protocol.roll_back(Journal.open(Path(audit)), spec, change_id, **more)
    return 0
