"""Rows of pg_stat_statements as samples, kept from one reading to the next: also those that a reading left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from itertools import zip_longest
from typing import Any

from optischema_tui.core.collect.strata import Part
from optischema_tui.core.models import StatementKey, StatementSample

ROWS_AT_A_TIME = 500
MOST_CHANGING = 0.5
"""Share of the statements up to which it costs less to ask for those that changed than for all."""
_Values = tuple[Any, ...]
_Known = tuple[_Values, StatementSample | None]
_ZEROS: tuple[Any, ...] = tuple(field.default for field in fields(StatementSample) if field.name != "key")


class Samples:
    """Makes samples of rows. A row that stayed as it was since the last reading gives the very sample of then: most
    statements of a server rest between two ticks, and `changed_samples` then leaves them out.

    A row is (userid, dbid, queryid, toplevel, counters in the order of the sample's fields, NULL for 0). Rows of a
    whole reading have a signature at their end, which another call of the statement changes.
    """

    def __init__(self) -> None:
        self.fresh: list[StatementSample] = []
        """Statements that the last reading saw for the first time, or again after they were gone."""
        self._owed: list[StatementSample] = []
        """Fresh ones of a reading that has to be done anew."""
        self.grown: list[tuple[StatementSample, float, float]] = []
        """Of the last partial reading each statement that it read and that was known: its sample, milliseconds since
        its reading before, and when that was by the server's clock."""
        self.read_before: dict[StatementKey, float] = {}
        """When each statement that the last reading left out was read, by the server's clock."""
        self._known: list[_Known] = []
        self._by_key: dict[_Values, _Known] = {}
        """The same by key, made when a whole reading needs it."""
        self._places: dict[_Values, int] = {}
        """Where in `_known` a key is, made when a partial reading follows a whole one."""
        self._strata: list[set[_Values]] = []
        """The keys by stratum."""
        self._clock = 0.0
        self._read: list[StatementKey] | None = None
        """What the last reading read; None: everything."""
        self._changing = 0.0
        """Share of the statements that the last reading found changed; 0 also before there was a second one."""
        self._moved = 0
        self._signed = False
        """The last reading gave every statement a signature."""

    def signatures(self) -> list[int] | None:
        """Of every known statement; None when not all have one, or so many change that asking by them costs more."""
        if not self._signed or self._changing > MOST_CHANGING:
            return None
        return [row[-1] for row, sample in self._known if sample is not None]

    async def read(self, rows: Sequence[Any], server_clock: float = 0.0) -> tuple[StatementSample, ...]:
        """The samples of all rows that have a queryid; they are remembered in place of those before."""
        known: list[_Known] = []
        self.fresh, self._owed, self.grown = self._owed, [], []
        self._moved = 0
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            some = rows[start : start + ROWS_AT_A_TIME]
            for row, before in zip_longest(some, self._known[start : start + len(some)]):
                known.append(before if before is not None and row == before[0] else self._changed(row, before))
            await asyncio.sleep(0)  # thousands of rows must not hold up what else lives on this loop
        self._changing = self._moved / len(rows) if self._known and rows else 0.0
        self._known = known
        self._by_key, self._places, self._strata = {}, {}, []
        self._signed = True
        self.read_before, self._read, self._clock = {}, None, server_clock
        return self._all()

    async def read_changed(
        self, rows: Sequence[Any], statements: int, server_clock: float
    ) -> tuple[StatementSample, ...] | None:
        """The samples of all statements, of which only `rows` have changed; None when some of those known are gone, so
        that all must be read. `statements`: how many there are that have a queryid."""
        await self._find_places()
        self.fresh, self._owed, self.grown, self._strata = self._owed, [], [], []
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            for row in rows[start : start + ROWS_AT_A_TIME]:
                self._place(row, {})
            await asyncio.sleep(0)
        if len(self._known) != statements:
            self._owed = self.fresh
            return None
        self._changing = len(rows) / statements if statements else 0.0
        self._by_key, self.grown = {}, []
        self.read_before, self._read, self._clock = {}, None, server_clock
        return self._all()

    async def read_part(self, rows: Sequence[Any], part: Part, server_clock: float) -> tuple[StatementSample, ...]:
        """The samples of all statements, those of `rows` anew. What is of the stratum and not in `rows` is gone."""
        await self._arrange(part)
        self.fresh, self.grown, self._signed = [], [], False
        stratum: set[_Values] = set()
        before = await self._times()
        read: list[StatementKey] = []
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            for row in rows[start : start + ROWS_AT_A_TIME]:
                sample = self._place(row, before)
                read.append(sample.key)
                if row[2] & (part.strata - 1) == part.stratum:
                    stratum.add(row[:4])
            await asyncio.sleep(0)
        for key in self._strata[part.stratum] - stratum:
            before.pop(self._remove(key), None)
        self._strata[part.stratum] = stratum
        for each in read:
            before.pop(each, None)
        self.read_before, self._read, self._clock = before, read, server_clock
        return self._all()

    def _all(self) -> tuple[StatementSample, ...]:
        return tuple([sample for _, sample in self._known if sample is not None])

    def _changed(self, row: Any, before: _Known | None) -> _Known:
        """`before` stood at this row's place, which is most often the same: only new and evicted rows shift others."""
        key = row[:4]
        if before is None or before[0][:4] != key:
            if not self._by_key:
                self._by_key = {known[0][:4]: known for known in self._known}
            before = self._by_key.get(key)
            if before is not None and row == before[0]:
                return before
        if key[2] is None:
            return tuple(row), None
        self._moved += 1
        same = before[1] if before is not None else None
        sample = _sample(row, same)
        if same is None:
            self.fresh.append(sample)
        return tuple(row), sample

    def _place(self, row: _Values, before: dict[StatementKey, float]) -> StatementSample:
        """The sample of one row of a partial reading, put where it belongs."""
        place = self._places.get(row[:4])
        if place is None:
            sample = _sample(row, None)
            self._places[row[:4]] = len(self._known)
            self._known.append((row, sample))
            if self._strata:
                self._strata[row[2] & (len(self._strata) - 1)].add(row[:4])
            self.fresh.append(sample)
            return sample
        old_row, old = self._known[place]
        assert old is not None  # rows without a queryid are not kept here
        time = 0.0
        sample = old
        if row != old_row:
            sample = _sample(row, old)
            self._known[place] = row, sample
            time = sample.total_exec_time - old.total_exec_time
        self.grown.append((sample, time, before.get(old.key, self._clock)))
        return sample

    def _remove(self, key: _Values) -> StatementKey:
        """Take out one statement; the last one takes its place."""
        place = self._places.pop(key)
        sample = self._known[place][1]
        assert sample is not None
        last = self._known.pop()
        if place < len(self._known):
            self._known[place] = last
            self._places[last[0][:4]] = place
        return sample.key

    async def _find_places(self) -> None:
        if not self._places:
            self._known = [known for known in self._known if known[1] is not None]
            for place, known in enumerate(self._known):
                self._places[known[0][:4]] = place
                if place % ROWS_AT_A_TIME == 0:
                    await asyncio.sleep(0)

    async def _arrange(self, part: Part) -> None:
        """Make the maps that partial readings need."""
        await self._find_places()
        if len(self._strata) != part.strata:
            self._strata = [set() for _ in range(part.strata)]
            for number, key in enumerate(self._places):
                self._strata[key[2] & (part.strata - 1)].add(key)
                if number % ROWS_AT_A_TIME == 0:
                    await asyncio.sleep(0)

    async def _times(self) -> dict[StatementKey, float]:
        """When each known statement was read last: a new map, that of the last reading stays as it is."""
        times = self.read_before.copy()
        read = self._read
        if read is None:
            read = [known[1].key for known in self._known if known[1] is not None]
        for start in range(0, len(read), ROWS_AT_A_TIME):
            times.update(dict.fromkeys(read[start : start + ROWS_AT_A_TIME], self._clock))
            await asyncio.sleep(0)
        return times


def _sample(row: Any, before: StatementSample | None) -> StatementSample:
    key = before.key if before is not None else StatementKey(*row[:4])
    values = [zero if value is None else value for value, zero in zip(row[4:], _ZEROS, strict=False)]
    return StatementSample(key, *values)
