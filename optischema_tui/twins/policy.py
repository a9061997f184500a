"""`policy`: what may be changed on a target now, and who says so; `countersign`: the approval of a second person."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs import policy as jobs
from optischema_tui.core.models import Level
from optischema_tui.core.policy.countersign import Request
from optischema_tui.core.policy.rules import Policy, Said
from optischema_tui.core.policy.settings import DEFAULT_ALLOWED
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.sizes import size
from optischema_tui.core.target.resolver import describe
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, say
from optischema_tui.twins.table import table

WORD = "sign"
_KEYS = (
    "kinds", "largest_table", "window", "settings", "changes_per_day", "second_approver", "approval_hours",
    "countersign_dir", "root_may_countersign", "kill_switch_allows_undo",
)  # fmt: skip


def run(context: Context, arguments: Namespace) -> int:
    return _countersign(context, arguments) if arguments.command == "countersign" else _policy(context, arguments)


def _policy(context: Context, arguments: Namespace) -> int:
    spec = describe(arguments.target, context.config)
    spec = replace(spec, allow_changes=spec.allow_changes or context.allow_changes)
    found = jobs.allowance(context.paths, spec, clock=context.clock)
    context.out(_value(spec, found), lambda: _text(spec, found))
    return 1 if found.blocked else 0


def _value(spec: TargetSpec, found: jobs.Allowance) -> dict[str, Any]:
    return {
        "target": spec.label,
        "allowed": not found.blocked,
        "checks": [{"name": one.name, "level": str(one.level), "reason": clean(one.reason)} for one in found.checks],
        "kinds": [{"kind": kind, "allowed": not why, "reason": clean(why)} for kind, why in found.kinds],
        "rules": [
            {"key": key, "value": _words(key, said.value), "source": said.source or "built in"}
            for key, said in _rules(found.policy)
        ],
        "kill_switches": [switch.path for switch in found.policy.switches],
    }


def _rules(policy: Policy) -> Iterator[tuple[str, Said]]:
    for key in _KEYS:
        said = policy.said(key)
        if key == "settings" and not any(each.source in {layer.source for layer in policy.own} for each in said):
            said = (Said(DEFAULT_ALLOWED, ""), *said)
        for each in said:
            yield key, each


def _words(key: str, value: Any) -> str:
    if key == "settings":
        return "; ".join(f"{each.name}: {each.text}" for each in value)
    if key == "window":
        return ", ".join(each.text for each in value)
    if key == "largest_table":
        return size(value)
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _text(spec: TargetSpec, found: jobs.Allowance) -> str:
    lines = [f"{spec.label}: {'nothing may be changed now' if found.blocked else 'changes may begin now'}", ""]
    lines += [f"  {one.level:<6} {one.name}: {one.reason}" for one in found.checks]
    refused: dict[str, list[str]] = {}
    for kind, why in found.kinds:
        if why:
            refused.setdefault(why[max(0, why.find(" is not ")) :].replace(" is not ", ": not ", 1), []).append(kind)
    lines += ["", "kinds that may be applied: " + (", ".join(k for k, why in found.kinds if not why) or "none")]
    lines += [f"  {Level.BLOCK:<6} {', '.join(kinds)}{why}" for why, kinds in refused.items()]
    rows = [
        ("settings", f"{len(said.value)} settings, see docs/policy.md", "built in")
        if key == "settings" and not said.source
        else (key, one_line(_words(key, said.value), 400), said.source or "built in")
        for key, said in _rules(found.policy)
    ]
    lines += ["", table(("rule", "value", "from"), rows)]
    lines += ["", "kill switches, any of these files:", *(f"  {switch.path}" for switch in found.policy.switches)]
    return "\n".join(lines)


def _countersign(context: Context, arguments: Namespace) -> int:
    request = jobs.asked(arguments.file, clock=context.clock)
    if not arguments.yes:
        _confirm(context, request)
    signed = jobs.countersign(context.paths, arguments.file, request, clock=context.clock)
    context.out(
        {"change": request.change, "sql": request.sql, "sql_hash": request.sql_hash, "signed": str(signed)},
        lambda: f"signed: {signed}\n{one_line(request.approver, 40)} can apply {request.change} now",
    )
    return 0


def _confirm(context: Context, request: Request) -> None:
    """Show all that is approved, and wait for the typed word. Raises UsageError when it does not come."""
    if context.json or not sys.stdin.isatty():
        raise UsageError(
            "Nothing was signed", "There is nobody to read it and to type the word", "Look at it, then add --yes"
        )
    for line in shown(request):
        say(line)
    say(f"Type {WORD} to approve it, anything else to leave it:")
    if sys.stdin.readline().strip() != WORD:
        raise UsageError("Nothing was signed", "The word was not typed")


def shown(request: Request) -> list[str]:
    """The request for a person's eyes."""
    return [
        f"change    {request.change}: {one_line(request.title, 100)}",
        f"database  {one_line(request.database, 80)} ({request.fingerprint})",
        f"kind      {one_line(request.kind, 40)}, risk {one_line(request.risk, 20) or 'not stated'}",
        f"approved  by {one_line(request.approver, 40)} (uid {request.approver_uid}) at "
        f"{local_stamp(request.approved_us / 1e6)}, until {local_stamp(request.expires_us / 1e6)}",
        f"would run (SHA-256 {request.sql_hash[:12]}):",
        *(f"    {line}" for line in clean(request.sql).splitlines()),
        "undo (it runs by itself when a statement becomes worse):" if request.auto_undo else "undo:",
        *(f"    {line}" for line in (clean(request.inverse_sql).splitlines() or ["nothing undoes this change"])),
    ]
