"""`export`: what a command shows, as a table in CSV, JSON or Markdown."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from optischema_tui.core.errors import UsageError
from optischema_tui.core.export import views
from optischema_tui.core.export.as_csv import csv_text
from optischema_tui.core.export.as_json import json_text
from optischema_tui.core.export.as_markdown import markdown_text
from optischema_tui.core.export.file import write_file
from optischema_tui.core.export.table import Table
from optischema_tui.core.family_names import OBJECTS, SERVER
from optischema_tui.core.jobs import audit, baselines, changes
from optischema_tui.core.jobs.observe import missing, observe
from optischema_tui.core.jobs.readings import read_families, watch_activity
from optischema_tui.core.models import ChangeState
from optischema_tui.core.safe_text import clean
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password, put
from optischema_tui.twins.past import past_of
from optischema_tui.twins.window import identity_of

KEPT = ("changes", "baselines", "audit")
"""Views of what this machine keeps: they have no moment of the past."""


def run(context: Context, arguments: Namespace) -> int:
    view = arguments.view
    if context.json and arguments.output in (None, "-"):
        raise UsageError("--json tells of the file that was written", "There is none", "Give -o FILE, or --format json")
    if arguments.at and view in KEPT:
        raise UsageError(f"--at is not for the view {view}", "It is kept as it is now, with the time of each line")
    names = _families(view, arguments.family or ())
    if arguments.format == "csv" and len(names) > 1:
        raise UsageError(
            f"A CSV file holds one table, and {view} has several", "", f"Add --family: one of {', '.join(names)}"
        )
    if view in KEPT:
        return _write(context, arguments, [_kept(context, arguments)])
    spec = context.spec(arguments.target)
    if arguments.at:
        return _write(context, arguments, _past(context, arguments, spec, names))
    return asking_password(spec, lambda own: _write(context, arguments, _now(context, arguments, own, names)))


def _families(view: str, asked: Sequence[str]) -> tuple[str, ...]:
    """The query families of `objects` and `server`, in their order. Raises UsageError for one of another view."""
    known = {"objects": OBJECTS, "server": SERVER}.get(view, ())
    for name in asked:
        if name not in known:
            raise UsageError(f"--family {name} is not of the view {view}", todo="Leave it out, or take another --view")
    return tuple(name for name in known if name in asked) if asked else known


def _kept(context: Context, arguments: Namespace) -> Table:
    if arguments.view == "audit":
        return views.audit_table(audit.entries(context.paths))
    identity = identity_of(context, arguments.target)
    if arguments.view == "baselines":
        return views.baselines_table(baselines.list_baselines(context.paths, identity.fingerprint))
    ledger = changes.ledger(context.paths, identity.fingerprint)
    undecided = (ChangeState.ROLLED_BACK, ChangeState.WITHDRAWN)
    decided = {one.recommendation_id for one in ledger.changes if one.state not in undecided}
    waiting = [one for one in ledger.recommendations if one.id not in decided]
    return views.changes_table([one for one in ledger.changes if not one.rolls_back], waiting)


def _past(context: Context, arguments: Namespace, spec: TargetSpec, names: Sequence[str]) -> list[Table]:
    identity, found = past_of(context, spec, arguments.at)
    if arguments.view == "top":
        return [views.top_table(found.picture, arguments.limit)]
    if arguments.view == "activity":
        return [views.activity_table(identity, found.sample)]
    held = [name for name in names if name in found.readings]
    if not held:
        raise UsageError(f"Nothing of {', '.join(names)} is stored of that moment", todo="Choose a later --at")
    return [views.family_table(identity, *found.readings[name], arguments.limit) for name in held]


def _now(context: Context, arguments: Namespace, spec: TargetSpec, names: Sequence[str]) -> list[Table]:
    if arguments.view == "activity":
        identity, samples = watch_activity(spec, clock=context.clock)
        return [views.activity_table(identity, samples[-1])]
    if arguments.view != "top":
        identity, pairs = read_families(spec, names, seconds=arguments.seconds, clock=context.clock)
        return [views.family_table(identity, *pair, arguments.limit) for pair in pairs]
    watch = arguments.seconds > 0
    seen = observe(
        spec, None, ticks=2 if watch else 1, interval=arguments.seconds or spec.interval, clock=context.clock
    )
    if seen.capabilities is not None and not seen.capabilities.part("statements").available:
        raise missing(seen.capabilities.part("statements"))
    if seen.picture is None:
        raise UsageError("Nothing was seen", "The server gave no answer in this time", "Try a longer --seconds")
    return [views.top_table(seen.picture, arguments.limit)]


def _write(context: Context, arguments: Namespace, tables: Sequence[Table]) -> int:
    if arguments.format == "csv":
        text = csv_text(tables[0])
    elif arguments.format == "json":
        text = json_text(tables)
    else:
        text = "\n".join(markdown_text(table, 2) for table in tables)
    if arguments.output in (None, "-"):
        put(text.removesuffix("\n"))
        return 0
    path = Path(arguments.output)
    write_file(path, text, force=arguments.force)
    rows = sum(len(table.rows) for table in tables)
    value = {
        "view": arguments.view, "format": arguments.format, "file": clean(str(path)), "bytes": len(text.encode()),
        "exported": rows,
    }  # fmt: skip
    context.out(value, lambda: f"{path}: {rows} rows, {len(text.encode()):,} bytes")
    return 0
