"""`activity`: the sessions that are not idle, what they wait for, and who blocks whom."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.jobs.readings import watch_activity
from optischema_tui.core.models import ActivitySample, Session, TargetIdentity
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.waits import blocking_tree, top_waits
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.past import past_of
from optischema_tui.twins.table import percent, table


def run(context: Context, arguments: Namespace) -> int:
    spec = context.spec(arguments.target)
    if arguments.at:
        identity, moment = past_of(context, spec, arguments.at)
        samples = (moment.sample,) if moment.sample is not None else ()
        _tell(context, identity, samples, moment.at)
        return 0

    def work(spec: TargetSpec) -> int:
        identity, samples = watch_activity(spec, seconds=arguments.seconds, clock=context.clock)
        _tell(context, identity, samples, samples[-1].taken_at)
        return 0

    return asking_password(spec, work)


def _tell(context: Context, identity: TargetIdentity, samples: Sequence[ActivitySample], at: float) -> None:
    last = samples[-1] if samples else None
    value = {
        "target": clean(identity.label or identity.database),
        "fingerprint": identity.fingerprint,
        "at": at,
        "samples": len(samples),
        "waits": [
            {"class": wait.wait_type, "event": wait.wait_event, "average": wait.average, "share": wait.share}
            for wait in (top_waits(samples) if samples else ())
        ],
        "sessions": [_session(session) for session in last.sessions] if last else [],
        "blocking": [
            {"pid": line.pid, "depth": line.depth, "blocked_by": list(line.blocked_by), "behind": line.behind}
            for line in (blocking_tree(last) if last else ())
        ],
        "idle": last.idle if last else None,
        "total": last.total if last else None,
        "hidden_sessions": last.hidden if last else None,
        "left_out": last.left_out if last else None,
    }
    context.out(value, lambda: _text(value))


def _session(session: Session) -> dict[str, Any]:
    return {
        "pid": session.pid,
        "backend_type": clean(session.backend_type),
        "database": clean(session.database),
        "role": clean(session.role),
        "application": clean(session.application),
        "client": clean(session.client),
        "state": clean(session.state),
        "wait_class": clean(session.wait_type),
        "wait_event": clean(session.wait_event),
        "queryid": None if session.queryid is None else str(session.queryid),
        "query": clean(session.query),
        "xact_seconds": session.xact_seconds,
        "query_seconds": session.query_seconds,
        "blocked_by": list(session.blocked_by),
    }


def _text(value: dict[str, Any]) -> str:
    lines = [f"{value['target']} at {local_stamp(value['at'])}"]
    if not value["samples"]:
        return "\n".join([*lines, "", "No sessions are stored of that moment."])
    lines.append(
        f"{len(value['sessions'])} sessions not idle, {value['idle']} idle of {value['total']} clients"
        + (f", {value['hidden_sessions']} hidden: GRANT pg_monitor shows them" if value["hidden_sessions"] else "")
    )
    waits = ", ".join(f"{_wait(one)} {one['average']:.2f} ({percent(one['share'])})" for one in value["waits"][:8])
    lines += ["", f"average active sessions over {value['samples']} samples: {waits or 'none'}", ""]
    lines.append(
        table(
            ("pid", "role", "database", "application", "state", "wait", "age", "blocked by", "query"),
            [
                (
                    str(one["pid"]), one["role"], one["database"], one["application"], one["state"],
                    f"{one['wait_class']}:{one['wait_event']}" if one["wait_class"] else "-",
                    "-" if one["query_seconds"] is None else f"{one['query_seconds']:.1f} s",
                    ", ".join(map(str, one["blocked_by"])) or "-", one_line(one["query"], 80),
                )
                for one in value["sessions"]
            ],
        )
        if value["sessions"]
        else "every session is idle"
    )  # fmt: skip
    if value["blocking"]:
        lines += ["", "who blocks whom:"]
        lines += [f"{'  ' * one['depth']}{one['pid']}  ({one['behind']} behind it)" for one in value["blocking"]]
    return "\n".join(lines)


def _wait(one: dict[str, Any]) -> str:
    return one["class"] if one["class"] == one["event"] else f"{one['class']}:{one['event']}"
