"""What policies say, as values: the rules of one table, where they stand, and which of them count together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optischema_tui.core.policy.settings import Allowed
    from optischema_tui.core.policy.window import Window

UNDOABLE_KINDS = (
    "create_index", "drop_index", "partitioned_index", "create_statistics", "drop_statistics", "table_options",
    "system_setting", "database_setting", "role_setting",
)  # fmt: skip
"""Kinds of change with an exact inverse."""
KINDS = (*UNDOABLE_KINDS, "reindex", "analyze", "vacuum", "manual")
"""All kinds; of `manual` this program sends nothing: it prints what a person runs elsewhere."""
SETTING_KINDS = frozenset({"system_setting", "database_setting", "role_setting"})
DEFAULT_APPROVAL_HOURS = 24.0
STOP = "STOP"
"""Name of the kill switch's file in a directory of configuration."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one table of policy says. None: it says nothing of that."""

    kinds: tuple[str, ...] | None = None
    largest_table: int | None = None
    """Bytes."""
    window: tuple[Window, ...] | None = None
    window_timezone: str | None = None
    """A name of the IANA database; None or empty: the machine's own zone."""
    settings: tuple[Allowed, ...] | None = None
    changes_per_day: int | None = None
    second_approver: bool | None = None
    approval_hours: float | None = None
    kill_switch: str | None = None
    """An absolute path."""
    kill_switch_allows_undo: bool | None = None
    countersign_dir: str | None = None
    """An absolute path."""
    root_may_countersign: bool | None = None
    problems: tuple[str, ...] = ()
    """What is wrong with the table, a sentence each: while there is one, nothing is applied."""
    written: str = ""
    """The table as it was written, as JSON, so that it can be written again."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The rules of one table, and the words that name it: '/home/a/config.toml [profiles.prod.policy]'."""

    source: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a rule, and where it stands."""

    value: Any
    source: str
    """'' for what is built in."""

    def told(self, key: str) -> str:
        """Who says so, for the end of a sentence."""
        return f"{self.source}, {key}" if self.source else f"the built-in policy, {key}"


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What the user's own file says of a target. Built with the target; read anew only at the next start."""

    layers: tuple[Layer, ...] = ()
    """The most specific first: a key of the profile stands before the same key of [policy]."""
    directory: str = ""
    """Where the config file lies; empty: not known."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A kill switch: while the file is there, nothing is applied."""

    path: str
    allows_undo: bool
    told: str
    """Which key names it, in words."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that hold for one target now: the user's own, and beside them those of the system.

    A change must satisfy both, so the system's can only narrow what the user's allow.
    """

    own: tuple[Layer, ...] = ()
    system: Layer | None = None
    switches: tuple[Switch, ...] = ()
    problems: tuple[str, ...] = ()
    """Why the policy cannot be relied on, a sentence each; with one, nothing is applied."""

    def said(self, key: str) -> tuple[Said, ...]:
        """Every value of the rule `key` that must hold: the most specific of the user's own (else the built-in one,
        where there is one), then the system's."""
        layers = (*self.own, BUILT_IN)
        own = next((Said(v, each.source) for each in layers if (v := getattr(each.rules, key)) is not None), None)
        system = getattr(self.system.rules, key) if self.system else None
        told = (own,) if own else ()
        return (*told, Said(system, self.system.source)) if self.system and system is not None else told

    def zone_of(self, window: Said) -> str:
        """The time zone in which `window`, one of `said("window")`, is read; empty: the machine's own."""
        if self.system and window.source == self.system.source:
            return self.system.rules.window_timezone or ""
        return next((zone for each in self.own if (zone := each.rules.window_timezone) is not None), "")

    @property
    def day_zone(self) -> str:
        """The time zone whose midnight ends a day of `changes_per_day`; empty: the machine's own."""
        if self.system and self.system.rules.changes_per_day is not None:
            return self.system.rules.window_timezone or ""
        return next((zone for each in self.own if (zone := each.rules.window_timezone) is not None), "")

    @property
    def approval_seconds(self) -> float:
        """How long an approval holds."""
        return min(float(each.value) for each in self.said("approval_hours")) * 3600.0

    @property
    def second_approver(self) -> Said | None:
        """Who demands a second approver; None when nobody does."""
        return next((each for each in self.said("second_approver") if each.value), None)

    @property
    def root_may_countersign(self) -> bool:
        """Root as a second person: false unless the user says so, and the system when it says anything."""
        return all(bool(each.value) for each in self.said("root_may_countersign"))

    @property
    def countersign_dir(self) -> str:
        """Where requests and signatures lie; the system's word before the user's. Empty: nowhere."""
        told = self.said("countersign_dir")
        return str(told[-1].value) if told else ""


BUILT_IN = Layer(
    "",
    Rules(kinds=KINDS, approval_hours=DEFAULT_APPROVAL_HOURS, second_approver=False, root_may_countersign=False),
)
"""What holds where nothing is said. The list of settings is `settings.DEFAULT_ALLOWED`."""
