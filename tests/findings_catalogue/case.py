"""What a case of the catalogue is, and how its history becomes readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from optischema_tui.core.findings.indexes.facts import DAY, Facts, IndexDetail, IndexKey
from optischema_tui.core.findings.indexes.use import observed
from optischema_tui.core.models import Reading

NOW = 1_800_000_000.0
COLUMNS = ("indexrelid", "idx_scan", "last_idx_scan", "idx_tup_read", "idx_tup_fetch", "idx_blks_read", "idx_blks_hit")
ENTRIES_A_SCAN = 20_000


@dataclass(frozen=True)
class Server:
    """One server's stored counters: a reading a day. Days count back from now."""

    first: int = 60
    last: int = 0
    breaks: tuple[tuple[int, str], ...] = ()
    """(day, crash | restart | reset) just after that day's reading."""
    gaps: tuple[tuple[int, int], ...] = ()
    """(from, to): days without a reading."""
    uses: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Days before whose reading an index was scanned."""
    base: Mapping[str, int] = field(default_factory=dict)
    """Scans counted before the first reading."""
    born: Mapping[str, int] = field(default_factory=dict)
    """The day from which an index is there."""
    lost_last: bool = False
    """The server does not say when the last scan was (before 16)."""
    number: int = 1
    fetches: float = 1.0
    """Rows of the table read for each entry."""

    def readings(self, indexes: Sequence[IndexDetail]) -> list[Reading]:
        found = []
        started = NOW - 500 * DAY - self.number
        marks = {"restart": started, "crash": 0.0, "reset": 0.0}
        emptied = 10_000
        breaks = dict(self.breaks)
        for day in range(self.first, self.last - 1, -1):
            if not any(begin >= day >= end for begin, end in self.gaps):
                found.append(self._reading(day, emptied, marks, indexes))
            if day in breaks:
                marks[breaks[day]] = NOW - (day - 0.25) * DAY
                emptied = emptied if breaks[day] == "restart" else day
        return found

    def _reading(self, day: int, emptied: int, marks: Mapping[str, float], indexes: Sequence[IndexDetail]) -> Reading:
        rows = []
        for index in indexes:
            if self.born.get(index.name, 10_000) < day:
                continue
            scans = sum(day <= used < emptied for used in self.uses.get(index.name, ()))
            scans += self.base.get(index.name, 0) if emptied == 10_000 else 0
            read = scans * ENTRIES_A_SCAN
            rows.append((index.oid, scans, None, read, int(read * self.fetches), scans, 9 * scans))
        at = NOW - day * DAY
        epoch = f"7000/1/{marks['restart']:.6f}/{marks['crash']:.6f}/{marks['reset']:.6f}"
        return Reading("indexes", at + self.number, 0.0, at + self.number, COLUMNS, tuple(rows), epoch)

    @property
    def started(self) -> float:
        restarts = [NOW - (day - 0.25) * DAY for day, kind in self.breaks if kind == "restart" and day > self.last]
        return max(restarts, default=NOW - 500 * DAY - self.number)


@dataclass(frozen=True)
class Case:
    """One schema with its history. Its SQL runs with the case's own schema as the search path."""

    name: str
    sql: str
    object: str
    """What it is about: an index's or a table's name."""
    rule: str = "index.unused"
    verdict: str = ""
    """Of a true case: what must be found. Of a trap: what must be said instead, empty for nothing."""
    own: Server | None = Server()
    others: tuple[Server, ...] = ()
    standbys: tuple[str, ...] = ()
    change: Callable[[Facts], Facts] = lambda facts: facts

    def facts(self, whole: Facts) -> Facts:
        """Those of this case's schema out of all."""
        details = {key: each for key, each in whole.details.items() if key[0] == self.name}
        servers = ((self.own,) if self.own else ()) + self.others
        stored = [one for server in servers for one in server.readings(tuple(details.values()))]
        last = {row["indexrelid"]: row["idx_scan"] for row in _last(self.own, details)}
        mine = replace(
            whole,
            now=NOW + 10.0,
            tables={key: each for key, each in whole.tables.items() if key[0] == self.name},
            details={key: replace(each, scans=last.get(each.oid, 0)) for key, each in details.items()},
            upkeep={key: each for key, each in whole.upkeep.items() if key[0] == self.name},
            fresh={key: each for key, each in whole.fresh.items() if key[0] == self.name},
            started=self.own.started if self.own else NOW,
            standbys=self.standbys,
            servers=observed(stored, NOW + 10.0, whole.thresholds.watch_days),
        )
        return self.change(mine)


def _last(server: Server | None, details: Mapping[IndexKey, IndexDetail]) -> list[dict[str, int]]:
    return server.readings(tuple(details.values()))[-1].dicts() if server else []
