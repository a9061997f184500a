"""`propose`: a change out of a statement that a person has written."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from optischema_tui.core.jobs import changes as jobs
from optischema_tui.core.models import Change
from optischema_tui.core.safe_text import clean
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.audit import enter
from optischema_tui.twins.changes import change_json, statements
from optischema_tui.twins.context import Context, asking_password


def run(context: Context, arguments: Namespace) -> int:
    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    enter(context, arguments.command, arguments.target)

    def work(spec: TargetSpec) -> int:
        change = jobs.propose(context.paths, spec, sql, clock=context.clock)
        context.out(_value(change), lambda: _text(change))
        return 0

    return asking_password(context.spec(arguments.target), work)


def _value(change: Change) -> dict[str, Any]:
    return {
        **change_json(change),
        "subject": clean(change.subject),
        "steps": list(change.steps),
        "undo": list(change.undo_steps),
        "cautions": [clean(told) for told in change.detail.get("cautions", ())],
    }


def _text(change: Change) -> str:
    undo = statements(change.inverse_sql) or ["    nothing undoes it: it only runs after its subject was typed"]
    cautions = [f"    - {told}" for told in change.detail.get("cautions", ())]
    return "\n".join(
        [
            f"proposed as {change.id}: {change.title}; nothing ran yet",
            *statements(change.forward_sql),
            "undo:",
            *undo,
            *(["know before you approve:", *cautions] if cautions else []),
            f"Next: optischema-tui approve {change.id}",
        ]
    )
