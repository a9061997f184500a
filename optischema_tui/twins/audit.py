"""`audit`: the hash-chained journal."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from optischema_tui.core.clock import iso
from optischema_tui.core.jobs import audit as jobs
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context, put
from optischema_tui.twins.table import table


def run(context: Context, arguments: Namespace) -> int:
    if arguments.action == "verify":
        return _verify(context, arguments)
    if arguments.action == "export":
        for line in jobs.export(context.paths, arguments.format):
            put(line)
        return 0
    entries = jobs.entries(context.paths, since=arguments.since, limit=arguments.limit)
    context.out(
        {"entries": [_entry_json(entry) for entry in entries]},
        lambda: (
            table(
                ("seq", "at (UTC)", "who", "event", "change", "what", "hash"),
                [
                    (str(e.seq), iso(e.at), _who(e), e.event, e.change_id[:13], one_line(_what(e), 80), e.hash[:12])
                    for e in entries
                ],
                right=(0,),
            )
            if entries
            else "The journal is empty: nothing was decided or changed yet."
        ),
    )
    return 0


def _verify(context: Context, arguments: Namespace) -> int:
    result = jobs.verify(context.paths, Path(arguments.anchor) if arguments.anchor else None)
    context.out(
        {"ok": result.ok, "entries": result.entries, "first_bad": result.first_bad, "problem": result.problem},
        lambda: (
            f"intact: {result.entries} entries, every hash fits the one before"
            if result.ok
            else f"BROKEN at entry {result.first_bad}: {result.problem}"
        ),
    )
    return 0 if result.ok else 1


def _entry_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": iso(entry.at),
        "event": entry.event,
        "change_id": entry.change_id or None,
        "body": entry.body,
        "prev": entry.prev,
        "hash": entry.hash,
    }


def _who(entry: AuditEntry) -> str:
    who = entry.body.get("who")
    return clean(str(who.get("os_user", ""))) if isinstance(who, dict) else ""


def _what(entry: AuditEntry) -> str:
    body = entry.body
    return str(next((body[key] for key in ("sql", "result", "reason", "title") if body.get(key)), ""))
