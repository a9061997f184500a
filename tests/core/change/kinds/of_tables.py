"""What the tests of the kinds of tables share: a statement proposed, approved, applied; a role without rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.models import Change, Check
from optischema_tui.core.target.spec import TargetSpec
from tests.core.change.killable import Killable, run_change

Bench = Any
"""See conftest of core/change."""


def approved(bench: Bench, sql: str, spec: TargetSpec | None = None) -> Change:
    change = propose_written(bench.journal, spec or bench.spec, sql)
    return give_approval(bench.journal, change, SYSTEM)


def applied(bench: Bench, sql: str, spec: TargetSpec | None = None) -> Change:
    change = approved(bench, sql, spec)
    return confirmed(bench, change, spec, pause=lambda seconds: False)


def confirmed(bench: Bench, change: Change, spec: TargetSpec | None = None, **more: Any) -> Change:
    """Apply it; where nothing undoes it, its subject was typed."""
    return apply_change(bench.journal, spec or bench.spec, change.id, limits=bench.quick, typed=change.subject, **more)


def start_confirmed(bench: Bench, change: Change, fault: str) -> Killable:
    """The same in a program of its own, which `fault` ends."""
    where = (bench.dsn, str(bench.journal_path), change.id)
    return Killable(run_change, "apply", *where, typed=change.subject, fault=fault)


def undone(bench: Bench, change: Change) -> Change:
    return roll_back(bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False)


def line(checks: tuple[Check, ...] | list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@contextmanager
def role(bench: Bench, name: str) -> Iterator[TargetSpec]:
    """A login without any right of its own; the spec that logs in with it."""
    bench.sql(f"CREATE ROLE {name} LOGIN")
    try:
        yield bench.spec_as(name)
    finally:
        bench.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def storage(bench: Bench, table: str = "items") -> tuple[Any, ...]:
    """Byte for byte what the server keeps of a table's options, of its TOAST table's and of its targets."""
    options = bench.sql(
        "SELECT c.reloptions::text, t.reloptions::text FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid"
        " WHERE c.oid = %s::regclass",
        table,
    )
    targets = bench.sql(
        "SELECT attname, attstattarget FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        table,
    )
    return (*options, *targets)


def objects(bench: Bench) -> list[tuple[Any, ...]]:
    """Byte for byte every statistics object of the database."""
    return list(
        bench.sql(
            "SELECT stxnamespace::regnamespace::text, stxname, pg_get_statisticsobjdef(oid), stxstattarget,"
            " stxkind::text, stxowner::regrole::text, obj_description(oid, 'pg_statistic_ext')"
            " FROM pg_statistic_ext ORDER BY 1, 2"
        )
    )
