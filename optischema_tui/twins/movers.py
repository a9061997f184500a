"""`movers`: what changed between two windows of history. `spike`: one moment of it opened."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.analytics import load_movers, load_spike
from optischema_tui.core.models import TargetIdentity, WindowStats
from optischema_tui.core.models.analytics import BlockedLine, Mover, Movers, Side, Spike
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context
from optischema_tui.twins.table import table
from optischema_tui.twins.window import WIDTH, identity_of, moment, printed, short, told

QUERY = 24
"""Columns of a statement's text."""


def run(context: Context, arguments: Namespace) -> int:
    if arguments.command == "spike":
        return _run_spike(context, arguments)
    identity = identity_of(context, arguments.target)
    since = moment(context, arguments, "since")
    if since is None:
        raise UsageError("--since must name a moment")
    found = load_movers(
        context.paths, identity.fingerprint, since=since, until=moment(context, arguments, "until"),
        before=moment(context, arguments, "before"), most=arguments.limit, clock=context.clock,
    )  # fmt: skip
    value = movers_json(identity, found)
    title = f"{value['target']}: what changed since {local_stamp(found.after.since)}"
    return printed(context, arguments, title, value, value["movers"], lambda: movers_text(identity, found))


def movers_json(identity: TargetIdentity, found: Movers) -> dict[str, Any]:
    return {
        "target": clean(identity.label or identity.database),
        "fingerprint": identity.fingerprint,
        "earlier": _side_json(found.before),
        "later": _side_json(found.after),
        "movers": [_mover_json(mover) for mover in found.movers],
        "left_out": found.left_out,
        "left_out_change": found.left_out_change,
        "hidden": found.hidden,
        "rule": found.rule,
        "notes": list(found.notes),
    }


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "since": side.since, "until": side.until, "observed": side.observed, "calls": side.calls,
        "exec_time_ms": side.exec_time, "load": side.load,
    }  # fmt: skip


def _mover_json(mover: Mover) -> dict[str, Any]:
    value: dict[str, Any] = {
        "queryid": str(mover.key.queryid), "query": clean(mover.text), "moves": [str(move) for move in mover.moves],
        "formerly": None if mover.formerly is None else str(mover.formerly),
        "load_before": mover.load_before, "load_after": mover.load_after, "load_change": mover.change,
        "by_calls": mover.by_calls, "by_mean": mover.by_mean, "share_before": mover.share_before,
        "share_after": mover.share_after, "mean_change": mover.mean_change, "noise": mover.noise,
        "tested": mover.tested,
    }  # fmt: skip
    for name, stats in (("before", mover.before), ("after", mover.after)):
        value |= _stats_json(name, stats)
    return value


def _stats_json(side: str, stats: WindowStats | None) -> dict[str, Any]:
    return {
        f"calls_{side}": stats.calls if stats else 0,
        f"mean_{side}_ms": stats.mean_exec_time if stats and stats.calls else None,
        f"rows_{side}": stats.rows if stats else 0,
        f"shared_blks_{side}": stats.shared_blks if stats else 0,
        f"temp_blks_{side}": stats.temp_blks if stats else 0,
    }


def movers_text(identity: TargetIdentity, found: Movers) -> str:
    old, new = found.before, found.after
    lines = [
        one_line(identity.label or identity.database, 40),
        f"{local_stamp(old.since)} to {local_stamp(old.until)}: load {_load(old.load)}",
        f"{local_stamp(new.since)} to {local_stamp(new.until)}: load {_load(new.load)}"
        f" ({_signed(new.load - old.load)})",
        "",
    ]
    moved = [mover for mover in found.movers if mover.moves]
    if moved:
        lines.append(
            table(
                ("load", "change", "calls", "mean", "mean before", "after", "what", "statement"),
                [
                    (
                        _load(mover.load_after), _signed(mover.change), _signed(mover.by_calls), _signed(mover.by_mean),
                        _mean(mover.before), _mean(mover.after), _what(mover), one_line(mover.text, QUERY),
                    )
                    for mover in moved
                ],
                right=(0, 1, 2, 3, 4, 5),
            )
        )  # fmt: skip
        lines += ["", "Load: ms of execution per second; its change, by calls and by mean; means in ms."]
    else:
        lines.append("Nothing moved by more than the noise.")
    still = len(found.movers) - len(moved)
    if still or found.left_out:
        rest = sum(mover.change for mover in found.movers if not mover.moves) + found.left_out_change
        lines.append(f"{still + found.left_out} other statements, within the noise or smaller: {_signed(rest)}.")
    return "\n".join([*lines, *told(found.notes)])


def _what(mover: Mover) -> str:
    return ", ".join(map(str, mover.moves))


def _signed(value: float) -> str:
    return _load(value) if value <= 0 else f"+{_load(value)}"


def _load(value: float | None) -> str:
    """In ms per second."""
    return short(None if value is None else 1000 * value)


def _mean(stats: WindowStats | None) -> str:
    return short(stats.mean_exec_time) if stats and stats.calls else "-"


def _run_spike(context: Context, arguments: Namespace) -> int:
    identity = identity_of(context, arguments.target)
    at = moment(context, arguments, "at")
    if at is None:
        raise UsageError("--at must name a moment")
    found = load_spike(context.paths, identity.fingerprint, at, most=arguments.limit, clock=context.clock)
    value = spike_json(identity, found)
    title = f"{value['target']}: statements up to {local_stamp(found.until)}"
    return printed(context, arguments, title, value, value["statements"], lambda: spike_text(identity, found))


def spike_json(identity: TargetIdentity, found: Spike) -> dict[str, Any]:
    return {
        "target": clean(identity.label or identity.database),
        "fingerprint": identity.fingerprint,
        "since": found.since,
        "until": found.until,
        "load": found.load,
        "usual": found.usual,
        "statements": [
            {
                "queryid": str(one.key.queryid), "query": clean(one.text), "role": clean(one.role),
                "database": clean(one.database), "calls": one.calls, "exec_time_ms": one.exec_time, "load": one.load,
                "usual": one.usual,
            }
            for one in found.statements
        ],
        "waits": [
            {"class": clean(one.wait_type), "event": clean(one.wait_event), "average": one.average, "usual": one.usual}
            for one in found.waits
        ],
        "blocking_at": found.blocking_at,
        "blocking": [_blocked_json(line) for line in found.blocking],
        "blocked": [{"at": one.at, "waiting": one.waiting, "roots": list(one.roots)} for one in found.blocked],
        "notes": list(found.notes),
    }  # fmt: skip


def _blocked_json(line: BlockedLine) -> dict[str, Any]:
    session = line.session
    return {
        "pid": line.pid,
        "depth": line.depth,
        "blocked_by": list(line.blocked_by),
        "behind": line.behind,
        "role": clean(session.role) if session else None,
        "application": clean(session.application) if session else None,
        "state": clean(session.state) if session else None,
        "query": clean(session.query) if session else None,
        "xact_seconds": session.xact_seconds if session else None,
    }


def spike_text(identity: TargetIdentity, found: Spike) -> str:
    usual = "" if found.usual is None else f", usually {_load(found.usual)}"
    lines = [
        f"{one_line(identity.label or identity.database, 40)}, the {found.until - found.since:.0f} s up to"
        f" {local_stamp(found.until)}",
        f"load {_load(found.load)}{usual} (ms of execution per second)",
        "",
    ]
    lines.append(
        table(
            ("load", "usual", "calls", "mean ms", "role", "statement"),
            [
                (
                    _load(one.load), _load(one.usual), short(one.calls),
                    short(one.exec_time / one.calls if one.calls else None), one_line(one.role, 12),
                    one_line(one.text, 40),
                )
                for one in found.statements[:10]
            ],
            right=(0, 1, 2, 3),
        )
        if found.statements
        else "No statement ran."
    )  # fmt: skip
    waits = [
        (f"{one.wait_type}:{one.wait_event}" if one.wait_event != one.wait_type else one.wait_type,
         short(one.average), short(one.usual))
        for one in found.waits[:8]
    ]  # fmt: skip
    if waits:
        lines += ["", table(("wait", "sessions", "usual"), waits, right=(1, 2))]
    if found.blocking:
        waiting = max((one.waiting for one in found.blocked), default=0)
        worst = f", {waiting} waiting at the worst, in {len(found.blocked)} samples" if found.blocked else ""
        lines += ["", f"who blocks whom at {local_stamp(found.blocking_at or found.until)}{worst}:"]
        lines += [_blocked_text(line) for line in found.blocking[:20]]
        lines += [f"and {len(found.blocking) - 20} more"] if len(found.blocking) > 20 else []
    return "\n".join([*lines, *([""] if found.notes else []), *told(found.notes)])


def _blocked_text(line: BlockedLine) -> str:
    indent = "  " * min(line.depth, 12)
    who = f"{indent}{line.pid}" if line.pid else f"{indent}a prepared transaction"
    behind = f" ({line.behind} behind it)" if line.behind else ""
    what = f" {line.session.state}: {line.session.query}" if line.session else ""
    return one_line(f"{who}{behind}{what}", WIDTH)
