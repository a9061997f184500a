"""What the rules of this room are given: settings with their places, and what was observed while they held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optischema_tui.core.policy.settings import quantity


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of pg_settings, as new sessions without settings of their own get it."""

    name: str
    value: str
    """In `unit`."""
    unit: str = ""
    context: str = "user"
    """postmaster: it takes effect with a restart."""
    source: str = "default"
    choices: tuple[str, ...] = ()
    auto: str | None = None
    """Its line of postgresql.auto.conf; None: none, or this role may not read it."""
    pending_restart: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """A setting of a database's or a role's own; an empty name stands for all."""

    database: str
    role: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one role in one database over the observed hours. Times in ms, blocks in pages."""

    queryid: int
    role: str
    database: str
    calls: int
    exec_ms: float
    max_ms: float = 0.0
    """Of its life, not of the observed hours."""
    rows: int = 0
    shared_blks: int = 0
    """Hit and read."""
    blks_read: int = 0
    temp_blks: int = 0
    """Written."""
    temp_ms: float = 0.0
    """0 where it is not measured."""
    jit_ms: float = 0.0
    workers_planned: int = 0
    workers_launched: int = 0
    text: str = ""
    """Its head."""
    upkeep: bool = False
    """CREATE INDEX, REINDEX and the like: their memory is maintenance_work_mem."""

    def per_call(self, amount: float) -> float:
        return amount / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """Counters over the time in which they grew by so much."""

    hours: float = 0.0
    counts: Mapping[str, float] = field(default_factory=dict)

    def count(self, name: str) -> float:
        return self.counts.get(name, 0.0)

    def per_hour(self, amount: float) -> float:
        """Less than an hour counts as one: what was not seen is not extrapolated."""
        return amount / max(self.hours, 1.0)


@dataclass(frozen=True, slots=True)
class Holder:
    """A session seen idle in a transaction."""

    role: str
    database: str
    seconds: float
    blocked: int = 0
    """Sessions that wait for it."""
    blocked_seconds: float = 0.0
    """The sum of their waits so far."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A table with more than twice the dead rows at which autovacuum comes to it."""

    sql: str
    dead: int
    live: int
    threshold: float
    blocks_read_hit: int = 0
    """Heap blocks that its readers took, since the server's statistics began."""


@dataclass(frozen=True, slots=True)
class Facts:
    target: str
    """Fingerprint."""
    database: str
    settings: Mapping[str, Setting]
    own: tuple[Own, ...] = ()
    statements: tuple[Statement, ...] = ()
    """Those with most time, temporary blocks, or time of JIT."""
    statement_hours: float = 0.0
    blocks: Span = Span()
    """blks_read, blks_hit, blk_read_ms of the connected database."""
    checkpoints: Span = Span()
    """timed, requested, write_ms, sync_ms, wal_bytes, wal_fpi; without WAL figures before 14."""
    database_bytes: int = 0
    """Of the databases that read most, as far as this role may measure them."""
    largest_bytes: int = 0
    """The largest table of the connected database with its indexes."""
    holders: tuple[Holder, ...] = ()
    overdue: tuple[Overdue, ...] = ()
    vacuums_running: int = 0
    """Autovacuum workers at work now."""
    vacuums_delayed: float = 0.0
    """Average number of them that waited out vacuum_cost_delay: over the observed hours, else now."""
    most_connections: int = 0
    """Sessions seen at once."""
    in_recovery: bool = False

    def number(self, name: str, default: float = 0.0) -> float:
        """In bytes, microseconds, or as it stands; `default` (in the same) where the server has no such setting."""
        setting = self.settings.get(name)
        found = quantity(setting.value, setting.unit) if setting else None
        # 0 and -1 mean 'off' or 'as elsewhere' in any unit.
        return default if found is None else float(found.amount)

    def read(self, name: str, value: str, default: float) -> float:
        """A value of this setting that stands elsewhere, in the units of `number`."""
        setting = self.settings.get(name)
        found = quantity(value, setting.unit if setting else "")
        return default if found is None else float(found.amount)

    def is_on(self, name: str) -> bool:
        setting = self.settings.get(name)
        return setting is not None and setting.value in ("on", "true")

    def unlimited(self, name: str) -> bool:
        """A timeout or limit that is 0 or -1."""
        return name in self.settings and self.number(name) <= 0

    @property
    def block_size(self) -> int:
        return int(self.number("block_size", 8192.0))

    def queries(self) -> tuple[Statement, ...]:
        return tuple(statement for statement in self.statements if not statement.upkeep)

    def statements_an_hour(self, amount: float) -> float:
        """Less than an hour counts as one."""
        return amount / max(self.statement_hours, 1.0)

    def said(self, name: str, database: str, role: str) -> str | None:
        """The value of exactly this place, None where it says nothing."""
        for own in self.own:
            if (own.database, own.role, own.name) == (database, role, name):
                return own.value
        return None

    def says_otherwise(self, name: str, statement: Statement) -> bool:
        """Whether a database's or role's own value holds for it instead of the server's."""
        return any(
            own.name == name and own.database in ("", statement.database) and own.role in ("", statement.role)
            for own in self.own
        )


def heaviest(statements: Iterable[Statement]) -> tuple[int, ...]:
    """Up to ten queryids, the most time first."""
    ordered = sorted(statements, key=lambda each: (-each.exec_ms, each.queryid))
    return tuple(dict.fromkeys(each.queryid for each in ordered))[:10]
