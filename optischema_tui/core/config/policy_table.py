"""A table of policy: what its keys may hold, and the rules that it means.

Imported only when there is a policy to check. A mistake is told like every other of the config; and because a policy
that was not understood protects nothing, its rules then forbid every change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from optischema_tui.core.config.schema import Table
from optischema_tui.core.errors import ConfigError, OptischemaError
from optischema_tui.core.policy.rules import KINDS, Rules
from optischema_tui.core.policy.settings import EXPECTED, allowed
from optischema_tui.core.policy.window import EXAMPLES, parse_window, zone_named
from optischema_tui.core.sizes import parse_size

T = TypeVar("T")
_TRUTH = "true or false"
_PATH = "an absolute path, or one that begins with ~/"


def _bytes(text: str) -> str:
    try:
        parse_size(text)
    except OptischemaError as error:
        raise ValueError("not a size") from error
    return text


def _path(text: str) -> str:
    full = str(Path(text).expanduser()) if text.startswith("~/") else text
    if not full.startswith("/") or "\0" in full:
        raise ValueError("not an absolute path")
    return full


class PolicyTable(Table):
    """The keys whose values can be checked one by one; `settings` and `window` are read line by line."""

    kinds: list[Literal[KINDS]] | None = Field(  # type: ignore[valid-type]
        None, description=f"a list of some of: {', '.join(KINDS)}"
    )
    largest_table: Annotated[str, AfterValidator(_bytes)] | None = Field(None, description='a size like "500GB"')
    window: str | list[str] | None = Field(None, description=f"a string or a list of strings like {EXAMPLES}")
    window_timezone: str | None = Field(None, description="the name of a time zone, like Europe/Berlin")
    settings: dict[str, Any] | None = Field(None, description=f"a table of settings, each {EXPECTED}")
    changes_per_day: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="a whole number from 0 to 10000"
    )
    second_approver: bool | None = Field(None, description=_TRUTH)
    approval_hours: Annotated[float, Field(gt=0, le=744, allow_inf_nan=False)] | None = Field(
        None, description="a number of hours, more than 0 and at most 744"
    )
    kill_switch: Annotated[str, AfterValidator(_path)] | None = Field(None, description=_PATH)
    kill_switch_allows_undo: bool | None = Field(None, description=_TRUTH)
    countersign_dir: Annotated[str, AfterValidator(_path)] | None = Field(None, description=_PATH)
    root_may_countersign: bool | None = Field(None, description=_TRUTH)


def rules_of(
    table: Mapping[str, Any], where: str, told: Callable[[Any, type[Table]], Iterable[ConfigError]]
) -> tuple[Rules, list[ConfigError]]:
    """The rules of a table, and all that is wrong with it; then the rules hold `problems`.

    `where` names file and table; `told` makes sentences of pydantic's errors.
    """
    from pydantic import ValidationError

    written = json.dumps(table, default=str)
    try:
        checked = PolicyTable.model_validate(table)
    except ValidationError as error:
        wrong = list(told(error, PolicyTable))
        return Rules(problems=tuple(each.sentence for each in wrong), written=written), wrong
    found: list[ConfigError] = []
    place = f"{where}." if ": " in where else f"{where}: "

    def line(key: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except OptischemaError as error:
            found.append(ConfigError(f"{place}{key}: {error.what}", error.why, error.todo))
            return None

    zone = checked.window_timezone
    if zone is not None:
        line("window_timezone", lambda: zone_named(zone))
    windows = [checked.window] if isinstance(checked.window, str) else checked.window
    opened = [line("window", lambda text=text: parse_window(text)) for text in windows or ()]  # type: ignore[misc]
    settings = [
        line("settings", lambda name=name, value=value: allowed(name, value))  # type: ignore[misc]
        for name, value in sorted((checked.settings or {}).items())
    ]
    rules = Rules(
        kinds=None if checked.kinds is None else tuple(checked.kinds),
        largest_table=None if checked.largest_table is None else parse_size(checked.largest_table),
        window=None if windows is None else tuple(each for each in opened if each),
        window_timezone=zone,
        settings=None if checked.settings is None else tuple(each for each in settings if each),
        changes_per_day=checked.changes_per_day,
        second_approver=checked.second_approver,
        approval_hours=checked.approval_hours,
        kill_switch=checked.kill_switch,
        kill_switch_allows_undo=checked.kill_switch_allows_undo,
        countersign_dir=checked.countersign_dir,
        root_may_countersign=checked.root_may_countersign,
        problems=tuple(each.sentence for each in found),
        written=written,
    )
    return rules, found
