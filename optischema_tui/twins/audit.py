"""`audit`: the hash-chained journal."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from optischema_tui.core.audit.search import Wanted, gist_of, hashes_of, subject_of, users_of
from optischema_tui.core.audit.story import PLANS_AFTER, PLANS_BEFORE, Story
from optischema_tui.core.baseline.plans import tree
from optischema_tui.core.clock import iso
from optischema_tui.core.errors import StorageError
from optischema_tui.core.jobs import audit as jobs
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context, put, say
from optischema_tui.twins.failure import tell
from optischema_tui.twins.plan import plan_lines
from optischema_tui.twins.table import table

UNREADABLE = 2
"""The exit code of `audit verify` when a file of the journal cannot be read: neither intact nor broken can be said."""


def run(context: Context, arguments: Namespace) -> int:
    actions = {"list": _list, "verify": _verify, "export": _export, "anchor": _anchor, "prune": _prune}
    return actions[arguments.action](context, arguments)


def enter(context: Context, command: str, target: str | None) -> None:
    """Enter that `command`, which changes something, was called: on a target, or on what has this id."""
    notice = jobs.logged_in(
        context.paths, command, target=target or "", allow_changes=context.allow_changes, clock=context.clock
    )
    if notice:
        say(f"warning: {notice}")


def _list(context: Context, arguments: Namespace) -> int:
    if arguments.change:
        return _story(context, arguments)
    wanted = Wanted(arguments.user, arguments.object, arguments.state)
    entries = jobs.entries(context.paths, since=arguments.since, limit=arguments.limit, wanted=wanted)
    nothing = "No entry fits." if wanted != Wanted() else "The journal is empty: nothing was decided or changed yet."
    context.out(
        {"entries": [_entry_json(entry) for entry in entries]},
        lambda: _table(entries) if entries else nothing,
    )
    return 0


def _table(entries: tuple[AuditEntry, ...]) -> str:
    return table(
        ("seq", "at (UTC)", "who", "event", "change", "about", "what", "hash"),
        [
            (
                str(entry.seq),
                iso(entry.at),
                clean(next(iter(users_of(entry)), "")),
                clean(entry.event),
                clean(entry.change_id[:13]),
                one_line(subject_of(entry), 40),
                one_line(gist_of(entry), 80),
                clean(entry.hash[:12]),
            )
            for entry in entries
        ],
        right=(0,),
    )


def _story(context: Context, arguments: Namespace) -> int:
    story = jobs.story(context.paths, arguments.change)
    context.out(
        {
            "change_id": story.change_id,
            "state": story.state,
            "undoes": story.undoes or None,
            "undone_by": list(story.undone_by),
            "entries": [_entry_json(entry) for entry in story.entries],
            "evidence_kept": dict(story.evidence),
        },
        lambda: _story_text(story),
    )
    return 0


def _story_text(story: Story) -> str:
    lines = [f"change {story.change_id}: {story.state}"]
    if story.undoes:
        lines.append(f"undoes {story.undoes}")
    lines += [f"undone by {change_id}" for change_id in story.undone_by]
    lines += ["", _table(story.entries)]
    for entry in story.entries:
        for name, hashed in hashes_of(entry.body).items():
            piece = story.evidence.get(hashed)
            told = "pruned" if piece is None else one_line(str(piece), 160)
            if name in (PLANS_BEFORE, PLANS_AFTER) and piece is not None and story.plans:
                told = "see the plans below"
            lines.append(f"evidence of entry {entry.seq}, {one_line(name, 40)} {hashed[:12]}: {told}")
    for pair in story.plans:
        lines += ["", one_line(pair.text, 200)]
        for side, plan in (("before", pair.before), ("after", pair.after)):
            node = tree(plan)
            why = one_line(plan.error, 200) if plan is not None else "none was kept"
            lines.append(f"  {side}:" if node is not None else f"  {side}: no plan: {why}")
            lines += [f"    {clean(line)}" for line in plan_lines(node, 0)] if node is not None else []
    return "\n".join(lines)


def _verify(context: Context, arguments: Namespace) -> int:
    anchor = Path(arguments.anchor) if arguments.anchor else None
    log = Path(arguments.server_log) if arguments.server_log else None
    try:
        result = jobs.verify(context.paths, anchor, log, record=True)
    except StorageError as error:
        tell(error, as_json=context.json)
        return UNREADABLE
    parts = f" in {result.segments} segments" if result.segments > 1 else ""
    good = f"intact: {result.entries} entries{parts}, every hash fits the one before"
    told = [good if result.ok else f"BROKEN at entry {result.first_bad} ({result.kind}): {result.problem}"]
    told += [f"not seen: {result.unseen}"] if result.ok and result.unseen else []
    context.out(
        {
            "ok": result.ok,
            "entries": result.entries,
            "segments": result.segments,
            "first_bad": result.first_bad,
            "kind": result.kind,
            "problem": result.problem,
            "anchored": result.anchored,
            "unseen": result.unseen,
        },
        lambda: "\n".join(told),
    )
    return 0 if result.ok else 1


def _export(context: Context, arguments: Namespace) -> int:
    for line in jobs.export(context.paths, arguments.format, arguments.since or None):
        put(line)
    return 0


def _anchor(context: Context, arguments: Namespace) -> int:
    line = jobs.anchor(context.paths)
    context.out({"anchor": line}, lambda: line)
    return 0


def _prune(context: Context, arguments: Namespace) -> int:
    pieces = jobs.prune(context.paths, arguments.days, context.clock)
    context.out(
        {"pieces": pieces},
        lambda: f"{pieces} pieces of evidence older than {arguments.days:g} days were deleted; the chain is as it was",
    )
    return 0


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
