"""What findings of this room have in common: the place of a new value, its SQL and the way back, sizes as values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from optischema_tui.core.findings.settings.facts import Facts, Setting
from optischema_tui.core.models import Finding, FindingKind, Impact, Reason, finding_id, quote
from optischema_tui.core.policy.settings import DEFAULT_ALLOWED

MB = 1 << 20
GB = 1 << 30
_SHARE = 0.8
"""Of what was seen, that one role or database must have for the setting to be its own."""
_ALLOWED = frozenset(each.name for each in DEFAULT_ALLOWED)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a value is set: the system, one database, or one role."""

    database: str = ""
    role: str = ""

    @property
    def text(self) -> str:
        return f"role {quote(self.role)}" if self.role else f"database {quote(self.database)}" if self.database else (
            "the whole server"
        )  # fmt: skip

    @property
    def statement(self) -> str:
        if self.role:
            return f"ALTER ROLE {quote(self.role)}"
        return f"ALTER DATABASE {quote(self.database)}" if self.database else "ALTER SYSTEM"


SYSTEM = Scope()


def concentrated(weights: Iterable[tuple[str, str, float]]) -> Scope:
    """Of (role, database, weight): the role, else the database, that has most of it while others are seen too.

    `weight` 0 counts as seen. The whole server where nothing stands out.
    """
    roles: dict[str, float] = {}
    databases: dict[str, float] = {}
    for role, database, weight in weights:
        roles[role] = roles.get(role, 0.0) + weight
        databases[database] = databases.get(database, 0.0) + weight
    for seen, is_role in ((roles, True), (databases, False)):
        total, most = sum(seen.values()), max(sorted(seen), key=lambda name: seen[name], default="")
        if most and total > 0 and len(seen) > 1 and seen[most] >= _SHARE * total:
            return Scope(role=most) if is_role else Scope(database=most)
    return SYSTEM


def advice(
    facts: Facts,
    setting: Setting,
    value: str,
    verdict: str,
    title: str,
    *,
    scope: Scope = SYSTEM,
    safe: str,
    reasons: tuple[Reason, ...] = (),
    impact: tuple[Impact, ...] = (),
    cost: float = 0.0,
    evidence: tuple[str, ...] = (),
    queryids: tuple[int, ...] = (),
) -> Finding:
    """`value` as it is written in SQL, without quotes; `safe` is the safe range, one sentence. `cost` in ms an hour."""
    restart = setting.context == "postmaster"
    when = (
        Reason("restart", "It takes effect when the server is restarted")
        if restart
        else Reason("reload", "It takes effect with a reload; no restart")
        if scope == SYSTEM
        else Reason("new_sessions", f"It holds for sessions of {scope.text} that begin afterwards")
    )
    listed = () if setting.name in _ALLOWED else (
        Reason("policy", f"{setting.name} is not on the built-in list of settings that may be changed: a policy must "
               "name it first"),
    )  # fmt: skip
    object_ = setting.name if scope == SYSTEM else f"{setting.name} of {scope.text}"
    return Finding(
        finding_id(facts.target, f"setting.{setting.name}", object_), facts.target, FindingKind.SETTINGS,
        f"setting.{setting.name}", object_, verdict, title,
        (*reasons, Reason("safe_range", safe), when, *listed),
        (Impact("ms_per_hour", cost), *impact), cost, evidence,
        f"{scope.statement} SET {setting.name} = '{value}'", _back(facts, setting, scope), queryids,
    )  # fmt: skip


def told(
    facts: Facts, setting: Setting, verdict: str, title: str, *, reasons: tuple[Reason, ...],
    impact: tuple[Impact, ...] = (), evidence: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    """A finding that a person must decide about: no SQL."""
    rule = f"setting.{setting.name}"
    return Finding(
        finding_id(facts.target, rule, setting.name), facts.target, FindingKind.SETTINGS, rule, setting.name, verdict,
        title, reasons, impact, 0.0, evidence,
    )  # fmt: skip


def _back(facts: Facts, setting: Setting, scope: Scope) -> str:
    before = setting.auto if scope == SYSTEM else facts.said(setting.name, scope.database, scope.role)
    if before is None:
        return f"{scope.statement} RESET {setting.name}"
    kept = before.replace("'", "''")
    return f"{scope.statement} SET {setting.name} = '{kept}'"


def doubled(at_least: float, most: float) -> float:
    """The smallest power of two (of bytes) that is not below `at_least`, at most `most`."""
    return min(most, float(2 ** math.ceil(math.log2(max(at_least, 1.0)))))


def written(amount: float) -> str:
    """Bytes as PostgreSQL takes them: '64MB', '2GB', '512kB'."""
    for unit, factor in (("GB", GB), ("MB", MB)):
        if amount >= factor and amount % factor == 0:
            return f"{amount / factor:.0f}{unit}"
    return f"{amount / 1024:.0f}kB"
