"""What the rules of this room are given: statements over a window of history, samples of sessions, indexed columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optischema_tui.core.models import ActivitySample, Finding, FindingKind, Impact, Interval, Reason, finding_id


@dataclass(frozen=True, slots=True)
class Seen:
    """One statement over the window, all its users together. Times in ms, blocks in pages."""

    queryid: int
    text: str
    """As the server keeps it, `$n` for literals; empty where it is not known."""
    calls: int
    exec_time: float
    rows: int
    shared_blks: int
    temp_blks: int
    roles: tuple[tuple[str, int], ...] = ()
    """(role, calls), the most calls first; names are empty where they are not known."""
    plan_ms: float | None = None
    """Planning, ms for each call over the statement's life; None where the server does not count it."""
    intervals: tuple[Interval, ...] = ()
    """Stored intervals in which it was called, the oldest first; of the statements that may be N+1 patterns only."""

    @property
    def mean_ms(self) -> float:
        return self.exec_time / self.calls if self.calls else 0.0

    @property
    def rows_per_call(self) -> float:
        return self.rows / self.calls if self.calls else 0.0

    @property
    def blocks_per_call(self) -> float:
        return self.shared_blks / self.calls if self.calls else 0.0

    def main_role(self) -> tuple[str, float]:
        """The role with most calls, and its share (0-1) of them."""
        if not self.roles:
            return "", 0.0
        return self.roles[0][0], self.roles[0][1] / max(1, sum(calls for _, calls in self.roles))


@dataclass(frozen=True, slots=True)
class LeadingColumn:
    """A plain column that a whole, valid index leads with."""

    schema: str
    table: str
    column: str
    type_name: str
    index: str
    pages: int = 0
    """Of the table."""
    computed: bool = False
    """The table has an index on an expression, which may serve what the bare column's index does not."""


@dataclass(frozen=True, slots=True)
class Facts:
    target: str
    """Fingerprint."""
    since: float
    """Where the window begins that history really has; seconds since 1970."""
    until: float
    statements: tuple[Seen, ...] = ()
    """The heaviest first."""
    samples: tuple[ActivitySample, ...] = ()
    """Of the last hours, the oldest first."""
    leading: tuple[LeadingColumn, ...] = ()

    @property
    def hours(self) -> float:
        return max(self.until - self.since, 0.0) / 3600

    @property
    def total_ms(self) -> float:
        return sum(statement.exec_time for statement in self.statements)

    def share(self, statement: Seen) -> float:
        """0-1 of the execution time of all statements in the window."""
        return statement.exec_time / self.total_ms if self.total_ms else 0.0

    def per_hour(self, amount: float) -> float:
        """0 for a window without length."""
        return amount / self.hours if self.hours else 0.0

    def sampled_seconds(self) -> float:
        """Time that the samples stand for: gaps count as one second."""
        return sum(seconds for _, seconds in weighed(self.samples))


_LONGEST_STEP = 5.0


def weighed(samples: Iterable[ActivitySample]) -> list[tuple[ActivitySample, float]]:
    """Each sample with the seconds that it stands for: those since the one before, 1 after a gap."""
    found: list[tuple[ActivitySample, float]] = []
    before: float | None = None
    for sample in samples:
        step = 1.0 if before is None else sample.taken_at - before
        found.append((sample, step if 0 < step <= _LONGEST_STEP else 1.0))
        before = sample.taken_at
    return found


def told(
    facts: Facts,
    rule: str,
    object_: str,
    verdict: str,
    title: str,
    *,
    reasons: tuple[Reason, ...],
    impact: tuple[Impact, ...] = (),
    cost: float = 0.0,
    evidence: tuple[str, ...] = (),
    queryids: tuple[int, ...] = (),
) -> Finding:
    """A finding of this room: never with SQL to run, for an application must change."""
    return Finding(
        finding_id(facts.target, rule, object_), facts.target, FindingKind.WORKLOAD, rule, object_, verdict, title,
        reasons, impact, cost, evidence, queryids=queryids,
    )  # fmt: skip


def of_statement(
    facts: Facts,
    rule: str,
    statement: Seen,
    verdict: str,
    title: str,
    *reasons: Reason,
    cost: float | None = None,
    impact: tuple[Impact, ...] = (),
    evidence: tuple[str, ...] = (),
    queryids: tuple[int, ...] = (),
) -> Finding:
    """A finding of one statement, with its figures over the window; `cost` is its time an hour unless given."""
    hourly = facts.per_hour(statement.exec_time)
    role, share = statement.main_role()
    who = f"; {share:.0%} of the calls by role {role}" if role else ""
    return told(
        facts, rule, str(statement.queryid), verdict, title,
        reasons=reasons,
        impact=(
            Impact("ms_per_hour", hourly if cost is None else cost),
            Impact("time_share", facts.share(statement)),
            *impact,
        ),
        cost=hourly if cost is None else cost,
        evidence=(
            f"{statement.calls:,} calls in {facts.hours:.1f} hours, {statement.mean_ms:.3g} ms and "
            f"{statement.rows_per_call:.3g} rows each, {facts.share(statement):.1%} of all execution time{who}",
            *evidence,
        ),
        queryids=queryids or (statement.queryid,),
    )  # fmt: skip
