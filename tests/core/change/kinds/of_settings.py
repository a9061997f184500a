"""A server whose settings a test may change, and what changing them needs."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.change.reconcile import reconcile
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.models import Change, Check
from optischema_tui.core.policy.rules import Layer, OwnRules, Rules
from optischema_tui.core.policy.settings import allowed
from optischema_tui.core.target.spec import TargetSpec
from tests.core.change.killable import Killable, run_change

QUICK = Limits(probe_lock_ms=200, short_retry_seconds=0.05, goodbye_seconds=2.0)

ALLOWED = (
    "application_name", "datestyle", "default_text_search_config", "enable_seqscan", "jit", "jit_above_cost",
    "autovacuum_vacuum_cost_delay", "effective_cache_size", "lock_timeout", "log_autovacuum_min_duration",
    "log_disconnections", "log_line_prefix", "log_min_duration_statement", "max_connections",
    "pg_stat_statements.track", "random_page_cost", "shared_buffers", "statement_timeout", "track_functions",
    "track_io_timing", "wal_compression", "work_mem",
)  # fmt: skip
POLICY = OwnRules((Layer("the test", Rules(settings=tuple(allowed(name, True) for name in ALLOWED))),))


def spec_for(dsn: str) -> TargetSpec:
    params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
    return TargetSpec("test", params, allow_changes=True, policy=POLICY)


@dataclass
class Bench:
    dsn: str
    journal: Journal
    path: Path
    user: str = ""
    """Who changes; empty: the superuser of `dsn`."""

    @property
    def spec(self) -> TargetSpec:
        return spec_for(f"{self.dsn} user={self.user}" if self.user else self.dsn)

    def sql(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as session:
            cursor = session.execute(text.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def proposed(self, sql: str) -> Change:
        return propose_written(self.journal, self.spec, sql)

    def approved(self, sql: str) -> Change:
        return give_approval(self.journal, self.proposed(sql), SYSTEM)

    def apply(self, change: Change | str, checks: list[Check] | None = None, typed: str = "") -> Change:
        approved = self.approved(change) if isinstance(change, str) else change
        said: list[Check] = [] if checks is None else checks
        return apply_change(self.journal, self.spec, approved.id, limits=QUICK, on_check=said.append, typed=typed)

    def undo(self, change: Change, checks: list[Check] | None = None) -> Change:
        said: list[Check] = [] if checks is None else checks
        return roll_back(self.journal, self.spec, change.id, limits=QUICK, on_check=said.append)

    def now(self, change: Change) -> Change:
        return self.journal.change(change.id)

    def settle(self) -> list[str]:
        """What the next start finds."""
        return [verdict.finding for verdict in reconcile(self.journal, self.spec, limits=QUICK)]

    def killed(self, what: str, change: Change, fault: str) -> None:
        """Apply or undo in a program of its own that dies at `fault`."""
        process = Killable(run_change, what, self.dsn, str(self.path), change.id, fault=fault)
        errors = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, errors

    def auto_file(self) -> dict[str, str]:
        """Name to text of postgresql.auto.conf."""
        return dict(
            self.sql("SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'")
        )

    def places(self) -> list[tuple[Any, ...]]:
        """All of pg_db_role_setting."""
        return self.sql("SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2")

    def role(self, words: str = "LOGIN") -> str:
        name = f"r_{secrets.token_hex(4)}"
        self.sql(f"CREATE ROLE {name} {words}")
        return name


@contextmanager
def bench_on(dsn: str, folder: Path) -> Iterator[Bench]:
    path = folder / "state" / "audit.db"
    journal = Journal.open(path)
    try:
        yield Bench(dsn, journal, path)
    finally:
        journal.close()


def level(checks: list[Check], name: str) -> str:
    return next(str(check.level) for check in checks if check.name == name)


def reason(checks: list[Check], name: str) -> str:
    return next(check.reason for check in checks if check.name == name)
