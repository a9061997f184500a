"""Is this change allowed now? Pure: the policy and the facts in, lines of a preflight out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from optischema_tui.core.models import Change, Check, Level
from optischema_tui.core.policy.rules import SETTING_KINDS, Policy, Said, Switch
from optischema_tui.core.policy.settings import DEFAULT_ALLOWED, by_name, never, problem
from optischema_tui.core.policy.window import closing, local_words, next_opening, open_now, zone_named
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size

_CLOSES_SOON = 30 * 60.0
_TABLELESS = SETTING_KINDS | {"manual"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is about to run, as far as policies ask."""

    kind: str
    """One of `rules.KINDS`."""
    table_bytes: int | None = None
    """Size of the table with its partitions and TOAST, without indexes; None: not known, or there is no table."""
    setting: str = ""
    value: str = ""
    """The value as it will be set; empty: RESET."""
    unit: str = ""
    """`pg_settings.unit` of the setting."""
    undo: bool = False
    """It takes a change back that this program made: a person must always be able to go back."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What one file says that claims to be a second person's approval."""

    uid: int
    name: str
    at: float = 0.0
    problem: str = ""
    """Why it does not count, one sentence; empty: it counts."""


def check_policy(
    policy: Policy,
    proposal: Proposal,
    *,
    now: float,
    applied_today: int,
    approvals: Sequence[Approval] = (),
    pulled: Sequence[tuple[Switch, str]] = (),
) -> tuple[Check, ...]:
    """Every line of the policy, in the order of the screen; any `block` forbids the change.

    `now` in seconds since 1970; `applied_today` changes of this target were begun since `begun_since`; `approvals` are
    those of `countersign.signatures`; `pulled` the kill switches of `places.pulled`.
    """
    lines = [
        _sound(policy, proposal),
        _kill_switch(proposal, pulled),
        _kind(policy, proposal),
        _window(policy, proposal, now),
    ]
    lines.append(_count(policy, proposal, applied_today))
    if proposal.kind not in _TABLELESS:
        lines.append(_table(policy, proposal))
    if proposal.kind in SETTING_KINDS:
        lines.append(_setting(policy, proposal))
    lines.append(_second(policy, proposal, approvals))
    return tuple(line for line in lines if line is not None)


def begun_since(changes: Iterable[Change], since: float) -> int:
    """How many of `changes` were begun at or after `since`; what undoes another is not counted."""
    begun = (float(change.detail.get("intent_at") or 0.0) for change in changes if not change.rolls_back)
    return sum(at >= since for at in begun)


def _sound(policy: Policy, proposal: Proposal) -> Check | None:
    if not policy.problems:
        return None
    told = " ".join(policy.problems)
    if proposal.undo:
        return _warn("policy", f"An undo is allowed, but the policy cannot be relied on. {told}")
    return _block("policy", f"Nothing is changed under a policy that cannot be relied on. {told}")


def _kill_switch(proposal: Proposal, pulled: Sequence[tuple[Switch, str]]) -> Check:
    line = "kill switch"
    for switch, sentence in pulled:
        if not (proposal.undo and switch.allows_undo):
            return _block(line, f"{sentence}: nothing is applied ({switch.told}). Remove the file when all is well")
    if pulled:
        return _warn(line, f"{pulled[0][1]}, but an undo is allowed (kill_switch_allows_undo)")
    return _ok(line, "No kill switch is pulled")


def _kind(policy: Policy, proposal: Proposal) -> Check:
    line, kind = "kind of change", proposal.kind.replace("_", " ")
    if proposal.undo:
        return _ok(line, "An undo is allowed whatever its kind")
    for said in policy.said("kinds"):
        if proposal.kind not in said.value:
            return _block(line, f"{one_line(kind, 40)} is not among the allowed kinds ({said.told('kinds')})")
    return _ok(line, f"{one_line(kind, 40)} is allowed ({_sources(policy.said('kinds'), 'kinds')})")


def _window(policy: Policy, proposal: Proposal, now: float) -> Check:
    line, warning = "change window", ""
    for said in policy.said("window"):
        zone = zone_named(policy.zone_of(said))
        if open_now(said.value, now, zone) is None:
            if proposal.undo:
                warning = f"The window is closed, but an undo is allowed at any time ({said.told('window')})"
                continue
            opens = next_opening(said.value, now, zone)
            when = f"it opens {local_words(opens, zone)}" if opens else "it does not open in the next eight days"
            spans = ", ".join(each.text for each in said.value) or "none"
            return _block(line, f"Closed at {local_words(now, zone)}: {when}. Open: {spans} ({said.told('window')})")
        ends = closing(said.value, now, zone)
        if ends is not None and ends - now < _CLOSES_SOON:
            minutes = max(1, round((ends - now) / 60))
            warning = f"Closes in {minutes} min; what was begun runs on behind it ({said.told('window')})"
    if warning:
        return _warn(line, warning)
    told = policy.said("window")
    return _ok(line, f"Open now ({_sources(told, 'window')})" if told else "No window is set: at any time")


def _count(policy: Policy, proposal: Proposal, applied_today: int) -> Check:
    line, said = "changes per day", policy.said("changes_per_day")
    if proposal.undo:
        return _ok(line, "An undo is not counted")
    for each in said:
        if applied_today >= each.value:
            return _block(line, f"{applied_today} of {each.value} were made today ({each.told('changes_per_day')})")
    if not said:
        return _ok(line, f"{applied_today} were made today, no limit is set")
    least = min(said, key=lambda each: int(each.value))
    return _ok(line, f"{applied_today} of {least.value} were made today ({least.told('changes_per_day')})")


def _table(policy: Policy, proposal: Proposal) -> Check:
    line, said = "largest table", policy.said("largest_table")
    if not said:
        return _ok(line, "No limit is set")
    least = min(said, key=lambda each: int(each.value))
    told = f"{size(least.value)} ({least.told('largest_table')})"
    level: Callable[[str, str], Check] = _warn if proposal.undo else _block
    if proposal.table_bytes is None:
        return level(line, f"The table's size is not known, and the limit is {told}")
    if proposal.table_bytes > least.value:
        return level(line, f"The table has {size(proposal.table_bytes)}, more than {told}")
    return _ok(line, f"The table has {size(proposal.table_bytes)}, the limit is {told}")


def _setting(policy: Policy, proposal: Proposal) -> Check:
    line = "setting"
    lists = policy.said("settings")
    if not any(policy.system is None or each.source != policy.system.source for each in lists):
        lists = (Said(DEFAULT_ALLOWED, ""), *lists)
    for said in lists:
        wrong = problem(by_name(said.value), proposal.setting, proposal.value, proposal.unit)
        if wrong and proposal.undo and not never(proposal.setting):
            return _warn(line, f"{wrong}; what was there before is put back all the same")
        if wrong:
            return _block(line, f"{wrong} ({said.told('settings')})")
    if not proposal.value.strip():
        return _ok(line, f"{one_line(proposal.setting, 60)} goes back to the server's default")
    return _ok(line, f"{one_line(proposal.setting, 60)} may have this value ({_sources(lists, 'settings')})")


def _second(policy: Policy, proposal: Proposal, approvals: Sequence[Approval]) -> Check:
    line, said = "second approver", policy.second_approver
    if said is None:
        return _ok(line, "None is required")
    if proposal.undo:
        return _ok(line, "An undo needs none")
    signed = next((each for each in approvals if not each.problem), None)
    if signed is not None:
        return _ok(line, f"Approved by {signed.name} (uid {signed.uid}) too ({said.told('second_approver')})")
    if not policy.countersign_dir:
        return _block(line, f"One is required ({said.told('second_approver')}), but no countersign_dir is set")
    reasons = "".join(f" {each.problem}." for each in approvals)
    ask = f"another user of this machine must run optischema-tui countersign on the request in {policy.countersign_dir}"
    return _block(line, f"None has approved yet: {ask} ({said.told('second_approver')}).{reasons}")


def _sources(said: Sequence[Said], key: str) -> str:
    return "; ".join(each.told(key) for each in said)


def _ok(name: str, reason: str) -> Check:
    return Check(name, Level.PASS, reason)


def _warn(name: str, reason: str) -> Check:
    return Check(name, Level.WARN, reason)


def _block(name: str, reason: str) -> Check:
    return Check(name, Level.BLOCK, reason)
