"""`objects` and `server`: what the query families read of a server, now or at a moment of history."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.family_names import OBJECTS, SERVER
from optischema_tui.core.jobs.readings import Pair, read_families
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.safe_text import clean
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.epoch import interval_seconds
from optischema_tui.core.workload.rates import rates, totals
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.past import past_of
from optischema_tui.twins.table import table

_SHOWN = 8
"""Columns of the plain text; --json has all."""
_COLUMNS = {
    "tables": "schema name seq_scan idx_scan n_tup_ins n_tup_upd n_tup_del dead_ratio hit_ratio last_autovacuum",
    "indexes": "schema table_name name idx_scan idx_tup_read idx_tup_fetch hit_ratio",
    "databases": "datname numbackends xact_commit xact_rollback hit_ratio temp_bytes deadlocks xid_age",
    "io": "backend_type object context reads writes hits evictions hit_ratio",
    "settings": "name setting unit source pending_restart",
}


def run(context: Context, arguments: Namespace) -> int:
    names = OBJECTS if arguments.command == "objects" else SERVER
    if arguments.family:
        names = tuple(arguments.family)
    spec = context.spec(arguments.target)
    if arguments.at:
        identity, moment = past_of(context, spec, arguments.at)
        found = tuple(moment.readings[name] for name in names if name in moment.readings)
        _tell(context, identity, found, moment.at, arguments.limit)
        return 0

    def work(spec: TargetSpec) -> int:
        identity, found = read_families(spec, names, seconds=arguments.seconds, clock=context.clock)
        _tell(context, identity, found, context.clock.wall(), arguments.limit)
        return 0

    return asking_password(spec, work)


def _tell(context: Context, identity: TargetIdentity, pairs: Sequence[Pair], at: float, limit: int) -> None:
    value = {
        "target": clean(identity.label or identity.database),
        "fingerprint": identity.fingerprint,
        "at": at,
        "families": [_value(pair, limit) for pair in pairs],
    }
    context.out(value, lambda: _text(value))


def _value(pair: Pair, limit: int) -> dict[str, Any]:
    reading, before = pair
    rows = totals(reading) if before is None else rates(before, reading)
    return {
        "family": reading.family,
        "taken_at": reading.taken_at,
        "per_second_over": None if before is None else interval_seconds(before, reading),
        "rows": [{name: _safe(value) for name, value in row.items()} for row in rows[:limit]],
        "rows_total": len(reading.rows) + reading.left_out,
        "lacking": list(reading.lacking),
        "problem": reading.problem,
    }


def _safe(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else list(value) if isinstance(value, tuple) else value


def _text(value: dict[str, Any]) -> str:
    lines = [f"{value['target']} at {local_stamp(value['at'])} ({iso(value['at'])})"]
    for family in value["families"]:
        over = family["per_second_over"]
        basis = f"counters per second over {over:.0f} s" if over else "counters since they began"
        lines += ["", f"{family['family']}: {len(family['rows'])} of {family['rows_total']}, {basis}"]
        if family["problem"]:
            lines.append(family["problem"])
        elif family["rows"]:
            known = list(family["rows"][0])
            wanted = [name for name in _COLUMNS.get(family["family"], "").split() if name in known]
            header = wanted or known[:_SHOWN]
            lines.append(table(header, [[_cell(name, row[name]) for name in header] for row in family["rows"]]))
        if family["lacking"]:
            lines.append(f"not on this server: {', '.join(family['lacking'])}")
    if not value["families"]:
        lines += ["", "Nothing of these families is stored of that moment."]
    return "\n".join(lines)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.startswith("last_") and isinstance(value, float):
        return iso(value)
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:.0f}"
        if isinstance(value, float)
        else str(value)
    )
