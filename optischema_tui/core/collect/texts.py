"""The texts of pg_stat_statements: each once, the heaviest statement's first, rarely and in portions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import attrgetter

from optischema_tui.core.clock import Clock
from optischema_tui.core.collect.samples import ROWS_AT_A_TIME
from optischema_tui.core.collect.statements import PACKAGE, fill
from optischema_tui.core.errors import OptischemaError, ServerLost
from optischema_tui.core.models import StatementKey, StatementSample, StatementText
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.encodings import decode
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load
from optischema_tui.core.workload.literals import without_literals

TEXT_CHARACTERS = 100_000
"""Kept of one text."""
TEXT_BYTES = 8_000_000
"""Fetched in one go; the rest follows later."""
TEXT_BATCH = 20_000
TEXT_SECONDS = 15.0
SHARE_TOP, SHARE_HEAVY, SHARE_LIGHT = 0.02, 0.003, 0.0005
"""Of the time that reading texts may take: when one that everybody looks at first is missing, one of weight, none."""
TOP, HEAVY = 0.05, 0.001
"""Share of all time of a statement that everybody looks at first, and of one of weight."""
PAUSE_AFTER_FAILURE = 600.0
_UNTRANSLATABLE = ("22021", "22P05")
"""What the server says then: the function converts all texts or none."""


async def read_texts(
    observer: Observer, capabilities: Capabilities, wanted: Sequence[StatementKey]
) -> tuple[StatementText, ...]:
    """The texts of some of the `wanted` statements, the first of them before all: as many as fit the byte budget.

    It costs the server a read of its whole file of texts, however few are wanted: ask rarely. Raises what
    `Observer.fetch` raises.
    """
    return (await _read(observer, capabilities, wanted))[0]


async def _read(
    observer: Observer, capabilities: Capabilities, wanted: Sequence[StatementKey]
) -> tuple[tuple[StatementText, ...], int]:
    """`read_texts`, and how many of the first `wanted` were answered or are not there any more."""
    some = wanted[:TEXT_BATCH]
    toplevel = "s.toplevel" if "toplevel" in capabilities.statement_columns else "true"
    rows = await observer.fetch(
        fill(load(PACKAGE, "texts"), capabilities).replace("{toplevel}", toplevel),
        [key.userid for key in some],
        [key.dbid for key in some],
        [key.queryid for key in some],
        TEXT_CHARACTERS,
        TEXT_BYTES,
        timeout=TEXT_SECONDS,
    )
    # A server of no encoding sends what it has; any other has converted the texts of its other databases to its own.
    as_stored = observer.encoding == "SQL_ASCII"
    texts = tuple(
        StatementText(
            StatementKey(row["userid"], row["dbid"], row["queryid"], row["toplevel"]),
            without_literals(decode(row["text"] or b"", (row["encoding"] if as_stored else None) or observer.encoding)),
            bool(row["truncated"]),
            row["role"] or "",
            row["database"] or "",
        )
        for row in rows
    )
    return texts, max((row["position"] for row in rows), default=len(some))


class Texts:
    """What texts are still wanted, and when to ask for them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wanted: dict[StatementKey, StatementSample] = {}
        self._heaviest = 0.0
        """Milliseconds of the heaviest statement that is wanted."""
        self._last = float("-inf")
        self._cost = 0.0
        self._failure = ""
        self.attempted = False
        """The server was asked this time."""
        self.untranslatable = False
        """The last attempt failed since a text has no form in the encoding of this database; another one may do."""

    async def want(self, samples: Sequence[StatementSample]) -> None:
        """Statements whose text is not known."""
        for start in range(0, len(samples), ROWS_AT_A_TIME):
            for sample in samples[start : start + ROWS_AT_A_TIME]:
                self._wanted[sample.key] = sample
                self._heaviest = max(self._heaviest, sample.total_exec_time)
            await asyncio.sleep(0)

    async def next(
        self, observer: Observer, capabilities: Capabilities, all_time: float, *, at_once: bool
    ) -> tuple[tuple[StatementText, ...], str]:
        """The next portion if it is time for it, and a notice; `all_time` in ms is what all statements took together.

        `at_once`: whatever was before. Raises ServerLost.
        """
        self.attempted = False
        if not self._wanted:
            return (), ""
        if not at_once and self._clock.monotonic() < self._due(all_time):
            return (), self._failure
        self.attempted = True
        order = sorted(self._wanted.values(), key=attrgetter("total_exec_time"), reverse=True)
        keys = [sample.key for sample in order]
        started = self._clock.monotonic()
        try:
            texts, settled = await _read(observer, capabilities, keys)
        except ServerLost:
            raise
        except OptischemaError as error:
            self.untranslatable = any(code in error.what for code in _UNTRANSLATABLE)
            self._failure = f"The texts of {len(keys):,} statements could not be read: {error.sentence}"
            return (), self._failure
        finally:
            self._last = self._clock.monotonic()
            self._cost = max(0.0, self._last - started - 2 * observer.round_trip)
        self._failure, self.untranslatable = "", False
        for key in keys[:settled]:
            self._wanted.pop(key, None)
        self._heaviest = order[settled].total_exec_time if settled < len(order) else 0.0
        return texts, ""

    def _due(self, all_time: float) -> float:
        if self._failure:
            return self._last + PAUSE_AFTER_FAILURE
        if self._heaviest >= TOP * all_time:
            share = SHARE_TOP
        else:
            share = SHARE_HEAVY if self._heaviest >= HEAVY * all_time else SHARE_LIGHT
        return self._last + self._cost / share
