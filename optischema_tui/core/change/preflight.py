"""What must hold before a change may begin: each check passes, warns or blocks, with its reason and its query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import IndexSeen, ask, see_indexes
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.later import LINE, later_line
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.session import describe
from optischema_tui.core.change.states import BEGINNABLE
from optischema_tui.core.clock import iso
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, Level, digest
from optischema_tui.core.policy.check import Proposal
from optischema_tui.core.policy.examine import policy_lines
from optischema_tui.core.policy.places import load_policy
from optischema_tui.core.safe_text import spoken
from optischema_tui.core.target.session import identify
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

Say = Callable[[Check], None]


def run_checks(
    connection: psycopg.Connection[Any],
    change: Change,
    spec: TargetSpec,
    *,
    now: float,
    limits: Limits,
    holder: dict[str, Any] | None,
    later: tuple[Change, ...],
    changes: Sequence[Change],
    on_check: Say,
    typed: str | None = None,
) -> tuple[Check, ...]:
    """Every line of the preflight, each told to `on_check` as it is known.

    `changes` are all of the target in the journal. `holder` is who has the change's advisory lock, None when this
    session has it. `typed`: see `way_back`. Ends early where the next checks would have nothing to look at. Driver
    errors pass through.
    """
    done: list[Check] = []

    def say(check: Check) -> bool:
        done.append(check)
        on_check(check)
        return check.level is not Level.BLOCK

    server = ask(connection, "server")[0]
    passed = [
        say(check)
        for check in (*local_checks(change, spec, now, limits, typed), *server_checks(connection, change, server))
    ]
    if not all(passed):
        return tuple(done)
    rows: list[dict[str, Any]] = []
    indexes: tuple[IndexSeen, ...] = ()
    if change.table:
        rows = ask(connection, "table", schema=change.schema, table=change.table)
        indexes = see_indexes(connection, change.schema, change.table, change.index_name)
    for check in policy_lines(spec.policy, _proposal(change, rows), change, changes, now=now):
        say(check)
    facts = Facts(connection, change, spec, limits, server, rows[0] if rows else {}, indexes, later)
    for check in kind_of(change.kind).preflight(facts):
        say(check)
    if change.rolls_back and not any(check.name == LINE for check in done):
        say(later_line(change, later))
    say(advisory_lock(holder))
    return tuple(done)


def _proposal(change: Change, rows: Sequence[dict[str, Any]]) -> Proposal:
    """What policies ask of a change, `rows` being those of table.sql."""
    setting, value, unit = (str(change.detail.get(key, "")) for key in ("setting", "value", "unit"))
    size = int(rows[0]["table_bytes"]) if rows else None
    return Proposal(change.kind, table_bytes=size, setting=setting, value=value, unit=unit)


def refusal(checks: tuple[Check, ...]) -> ChangeRefused | None:
    """The error that says which lines block; None when none does."""
    blocking = [check for check in checks if check.level is Level.BLOCK]
    if not blocking:
        return None
    return ChangeRefused(
        "The preflight blocks this change",
        "; ".join(f"{check.name}: {check.reason}" for check in blocking),
        "Nothing was sent to the server",
    )


# --- what we know without the server ---


def local_checks(
    change: Change, spec: TargetSpec, now: float, limits: Limits, typed: str | None = None
) -> tuple[Check, ...]:
    return changes_allowed(spec), approval(change, spec, now, limits), sql_unchanged(change), way_back(change, typed)


def changes_allowed(spec: TargetSpec) -> Check:
    line = "changes allowed"
    if spec.allow_changes:
        return ok(line, "The profile or --allow-changes enables changes on this target")
    return block(line, "This target is READ ONLY: set allow_changes in its profile, or start with --allow-changes")


def approval(change: Change, spec: TargetSpec, now: float, limits: Limits) -> Check:
    line = "approval"
    if change.state not in BEGINNABLE | {ChangeState.PREFLIGHT} or not change.approved_at:
        return block(line, f"The change is {change.state}, not approved")
    age, longest = now - change.approved_at, min(limits.approval_seconds, load_policy(spec.policy).approval_seconds)
    if age > longest:
        return block(
            line, f"Approved {iso(change.approved_at)}, more than {longest / 3600:.0f} h ago: approve it again"
        )
    if age < -longest:
        return block(line, f"Approved {iso(change.approved_at)}, which lies in the future: check the clock")
    return ok(line, f"Approved by {change.approved_by} at {iso(change.approved_at)}")


def sql_unchanged(change: Change) -> Check:
    line = "SQL as approved"
    if digest(change.forward_sql) != change.sql_hash:
        return block(line, "The SQL is not the approved one: its hash differs")
    return ok(line, f"SHA-256 {change.sql_hash[:12]}")


def way_back(change: Change, typed: str | None) -> Check:
    """`typed` is what a person has typed for this change, None while nobody has been asked yet."""
    line = "way back"
    if change.rolls_back:
        return ok(line, "This is the way back of an earlier change")
    if not change.wants_typing:
        return ok(line, "The undo is known: it was approved with the change")
    why = "The server must be restarted for this change" if change.inverse_sql else "Nothing undoes this change"
    subject = spoken(change.subject or change.kind)
    if typed is None:
        return warn(line, f"{why}: it only runs after {subject} was typed")
    if spoken(typed) != subject:
        return block(line, f"{why}: type {subject} to say that it is meant")
    return warn(line, f"{why}; {subject} was typed")


# --- which server, and how we reach it ---


def server_checks(connection: psycopg.Connection[Any], change: Change, server: dict[str, Any]) -> tuple[Check, ...]:
    return same_target(connection, change), primary(server), direct(connection, server), version(server)


def same_target(connection: psycopg.Connection[Any], change: Change) -> Check:
    line, seen = "target", identify(connection)
    if seen.fingerprint != change.target.fingerprint:
        return block(
            line, f"This is not the database of the approval: {seen.database} of cluster {seen.system_identifier}"
        )
    if seen.server_version_num // 10000 != change.target.server_version_num // 10000:
        return warn(line, "The server has another major version than when the advice was proved")
    return ok(line, f"Database {seen.database} of cluster {seen.system_identifier}, as approved")


def primary(server: dict[str, Any]) -> Check:
    line = "primary"
    if server["in_recovery"]:
        return block(line, "The server is a standby: changes are made on its primary", "server")
    if server["read_only"]:
        return block(line, "The server keeps this session read-only (default_transaction_read_only)", "server")
    return ok(line, "The server is not in recovery and takes writes", "server")


def direct(connection: psycopg.Connection[Any], server: dict[str, Any]) -> Check:
    line = "direct session"
    if connection.info.backend_pid != server["backend_pid"]:
        return block(
            line,
            "A connection pooler stands between: locks and settings would leak into other sessions. "
            "Connect to the server itself for changes",
            "server",
        )
    return ok(line, f"The server process is {server['backend_pid']}, as at connect", "server")


def version(server: dict[str, Any]) -> Check:
    line, number = "server version", int(server["version_num"])
    if 140000 <= number <= 140003:
        return block(
            line, f"{server['version']} can miss rows in concurrent builds (fixed in 14.4): upgrade first", "server"
        )
    return ok(line, f"PostgreSQL {server['version']}", "server")


def advisory_lock(holder: dict[str, Any] | None) -> Check:
    line = "nobody else changes it"
    if holder is not None:
        return block(line, f"Another change of it is at work: {describe(holder)}", "try_lock")
    return ok(line, "No other change of it by this program is at work", "try_lock")
