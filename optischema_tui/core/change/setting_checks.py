"""Checks that all changes of settings share, and what they keep in a change's detail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.setting_texts import Wish, name_sql, same_text, stored_text, value_problem, value_sql
from optischema_tui.core.change.settings_seen import Place, Setting, see_setting
from optischema_tui.core.change.states import came_from
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check
from optischema_tui.core.policy.settings import never
from optischema_tui.core.safe_text import one_line

_MOST_PLACES = 5
MEMORY = frozenset(
    {
        "autovacuum_work_mem", "hash_mem_multiplier", "huge_pages", "logical_decoding_work_mem", "maintenance_work_mem",
        "max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_worker_processes",
        "min_dynamic_shared_memory", "shared_buffers", "temp_buffers", "wal_buffers", "work_mem",
    }
)  # fmt: skip
"""Settings that decide how much memory the server takes."""
STANDBY_FIRST = frozenset(
    {
        "max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_wal_senders",
        "max_worker_processes",
    }
)  # fmt: skip
"""A standby does not go on replaying, or does not start, with less of these than its primary has."""


# --- the draft ---


def kept(setting: Setting, before: str | None, wanted: str | None, **more: Any) -> dict[str, Any]:
    """What a change of a setting remembers, as JSON values. `before` and `wanted` are stored texts, None: absent."""
    return {
        "setting": setting.name,
        "value": wanted or "",
        "unit": setting.shape.unit,
        "before": before,
        "wanted": wanted,
        **more,
    }


def wanted_of(setting: Setting, wish: Wish) -> str | None:
    """The stored text that is wanted. Raises ChangeRefused for a value that the server would not take."""
    if wish.values is None:
        return None
    if problem := value_problem(setting.shape, wish.values):
        raise ChangeRefused("The server would not take this value", problem)
    return stored_text(setting.name, wish.values)


def refuse_nothing(setting: Setting, before: str | None, wanted: str | None, where: str) -> None:
    """Raises ChangeRefused when there is nothing to change."""
    if same_text(setting.name, before, wanted):
        raise ChangeRefused(f"There is nothing to change: {where} {told(setting.name, before)} already")


def assignment(name: str, text: str | None) -> str:
    """`SET "name" = 'text'` or `RESET "name"`: what stands behind ALTER SYSTEM, ALTER DATABASE d or ALTER ROLE r."""
    return f"RESET {name_sql(name)}" if text is None else f"SET {name_sql(name)} = {value_sql(name, text)}"


def told(name: str, text: str | None) -> str:
    return f"has no {name} of its own" if text is None else f"has {name} = {one_line(text, 60)}"


def title_of(name: str, text: str | None, where: str = "") -> str:
    act = f"Reset {name}" if text is None else f"Set {name} to {one_line(text, 60)}"
    return f"{act} {where}".rstrip()


# --- preflight ---


def value_lines(facts: Facts) -> Iterator[Check]:
    """The setting itself and its value; ends with a block when one of them will not do."""
    name, line = str(facts.change.detail.get("setting", "")), "value"
    if never(name):
        yield block(line, f"{one_line(name, 60)} is never changed by this program")
        return
    setting = see_setting(facts.connection, name)
    if setting is None or setting.context == "internal":
        yield block(line, f"The server knows no setting {one_line(name, 60)} that can be changed", "setting")
        return
    wanted = facts.change.detail.get("wanted")
    # What is put back was stored before: a list of names is not read again.
    problem = "" if wanted is None or facts.change.rolls_back else value_problem(setting.shape, (str(wanted),))
    if problem:
        yield block(line, f"The server would not take the value: {problem}", "setting")
        return
    bounds = f" (between {setting.shape.least} and {setting.shape.most})" if setting.shape.most else ""
    yield ok(line, f"{name} takes this value{bounds}", "setting")
    if name in MEMORY and wanted is not None and not facts.change.rolls_back:
        yield warn(
            "memory",
            f"{name} decides how much memory the server takes, and how much the machine has cannot be seen over SQL: "
            "only the range in the policy bounds it",
        )


def unchanged(change: Change, now: str | None, where: str, query: str) -> Check:
    """The server still has what it had when the change was written. Whoever comes second finds that it has not."""
    line = "unchanged since it was written"
    name, before, wanted = str(change.detail["setting"]), change.detail.get("before"), change.detail.get("wanted")
    if same_text(name, now, before):
        return ok(line, f"{where} {told(name, now)}, as it had then", query)
    if not same_text(name, now, wanted):
        return block(
            line,
            f"Somebody has changed it since: {where} {told(name, now)}, and {_had(before)}. Propose it anew",
            query,
        )
    if change.rolls_back:
        return warn(line, f"{where} {told(name, now)} already: only what is left of it is done", query)
    if change.state is ChangeState.LEFTOVER or came_from(change) is ChangeState.LEFTOVER:
        return ok(line, f"{where} {told(name, now)}: this change did that, and goes on from there", query)
    return block(line, f"Somebody was first: {where} {told(name, now)} already. Nothing is left to do", query)


def _had(before: str | None) -> str:
    return "had none" if before is None else f"had {one_line(before, 60)}"


def overriding(found: tuple[Place, ...], why: str, query: str = "setting_places") -> Check:
    """Who wins over the value that is about to be set."""
    line = "overrides"
    if not found:
        return ok(line, "No database or role has a setting of its own that would win over it", query)
    names = "; ".join(f"{place} ({one_line(place.text, 40)})" for place in found[:_MOST_PLACES])
    more = f" and {len(found) - _MOST_PLACES} more" if len(found) > _MOST_PLACES else ""
    return warn(line, f"{why}: {names}{more}", query)


# --- the verdict ---


def stored_outcome(change: Change, now: str | None, where: str) -> tuple[Outcome, str]:
    """The verdict for a setting whose storing is all there is to it."""
    name, before, wanted = str(change.detail["setting"]), change.detail.get("before"), change.detail.get("wanted")
    seen = f"{where} {told(name, now)}"
    if same_text(name, now, wanted):
        return Outcome.DONE, seen
    if same_text(name, now, before):
        return Outcome.NOT_DONE, f"{seen}, as before"
    return Outcome.CONFLICT, f"{seen}, which is neither what was approved nor what was there before"


def turned(change: Change) -> dict[str, Any]:
    """The detail of the change that takes this one back."""
    detail = change.detail
    back = {
        **detail,
        "before": detail.get("wanted"),
        "wanted": detail.get("before"),
        "value": detail.get("before") or "",
    }
    return {key: value for key, value in back.items() if key in _TURNED}


_TURNED = ("setting", "value", "unit", "before", "wanted", "database", "role", "needs_restart")
