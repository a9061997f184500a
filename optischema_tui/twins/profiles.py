"""`profiles`: the targets that are known here, and the profiles of the config file."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs import audit, targets
from optischema_tui.core.models import KnownTarget
from optischema_tui.core.safe_text import one_line
from optischema_tui.twins.context import Context, say
from optischema_tui.twins.table import table


def run(context: Context, arguments: Namespace) -> int:
    words = {"add": 2, "remove": 1}.get(arguments.action, 0)
    if len(arguments.words) != words:
        usage = {"add": "profiles add NAME CONNINFO", "remove": "profiles remove NAME"}
        raise UsageError(
            f"profiles {arguments.action} takes {words or 'no'} more word{'' if words == 1 else 's'}",
            todo=f"Run: optischema-tui {usage.get(arguments.action, f'profiles {arguments.action}')}",
        )
    if arguments.action == "add":
        return _changed(
            context, "added", arguments.words[0], targets.add(context.paths, context.config, *arguments.words)
        )
    if arguments.action == "remove":
        return _changed(context, "removed", arguments.words[0], targets.remove(context.paths, arguments.words[0]))
    return _check(context) if arguments.action == "check" else _list(context)


def _changed(context: Context, what: str, name: str, notice: str) -> int:
    for told in filter(None, (notice, audit.profile_changed(context.paths, what, name, context.clock))):
        say(f"note: {told}")
    context.out({what: name, "file": str(context.paths.config_file)}, lambda: f"{what}: {name}")
    return 0


def _check(context: Context) -> int:
    """Told as a result, not as warnings: these are what was asked for."""
    problems = [problem.sentence for problem in context.config.problems]
    problems += [
        known.problem
        for known in targets.listing(context.paths, context.config)
        if known.problem and known.problem not in problems
    ]
    good = f"{context.paths.config_file}: {len(context.config.profiles)} profiles, nothing wrong"
    context.out(
        {"file": str(context.paths.config_file), "profiles": len(context.config.profiles), "problems": problems},
        lambda: "\n".join(one_line(problem) for problem in problems) or good,
    )
    return 2 if problems else 0


def _list(context: Context) -> int:
    known = targets.listing(context.paths, context.config)
    context.out(
        {"targets": [_json(one) for one in known]},
        lambda: (
            table(
                ("target", "from", "server", "database", "role", "changes", "last seen", "state"),
                [
                    (
                        one_line(one.name if one.origin != targets.RECENT else one.label, 40),
                        one.origin,
                        one.where,
                        one.dbname,
                        one.user,
                        "allowed" if one.allow_changes else "",
                        local_stamp(one.seen_at) if one.seen_at else "never",
                        one_line(one.problem or one.state, 80),
                    )
                    for one in known
                ],
            )
            if known
            else f"No target is known here: add one with `optischema-tui profiles add NAME CONNINFO`"
            f" to {context.paths.config_file}."
        ),
    )
    return 0


def _json(known: KnownTarget) -> dict[str, Any]:
    return {
        "name": known.name,
        "from": known.origin,
        "label": known.label,
        "server": known.where,
        "database": known.dbname,
        "role": known.user,
        "allow_changes": known.allow_changes,
        "last_seen": iso(known.seen_at) if known.seen_at else None,
        "state": known.state,
        "server_version_num": known.server_version_num or None,
        "problem": known.problem,
    }
