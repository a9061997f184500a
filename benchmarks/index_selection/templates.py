"""Statements with parameters, and where the parameters come from: reproducible draws, skewed as the data is."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

SETS = 5
"""Literal texts per statement in each half."""
STRIDE = 7919
"""Prime: spreads popular keys over the whole range, in the data (function skew) as here."""
_FIELD = re.compile(r"\{(\w+)\}")


class Draw:
    """Values from one random stream, as SQL literals where they are texts or times."""

    def __init__(self, key: str, end: datetime) -> None:
        self.random = random.Random(key)
        self.end = end
        """The last moment of the data."""

    def skew(self, count: int, power: float) -> int:
        """A key of 1 .. count, popular ones often; the same distribution as the SQL function `skew`."""
        return 1 + int(count * self.random.random() ** power) * STRIDE % count

    def key(self, count: int) -> int:
        """A key of 1 .. count, each as often."""
        return self.random.randint(1, count)

    def late(self, count: int, share: float = 0.05) -> int:
        """One of the newest keys: applications mostly touch what is new."""
        return count - int(count * share * self.random.random() ** 2)

    def one_of(self, values: Sequence[str], power: float = 1.0) -> str:
        """A quoted value, the first ones more often with a higher power."""
        return quoted(values[int(len(values) * self.random.random() ** power)])

    def ago(self, least: float, most: float) -> str:
        """A moment between so many days before the end of the data."""
        moment = self.end - timedelta(days=self.random.uniform(least, most))
        return f"'{moment:%Y-%m-%d %H:%M:%S}'"

    def day(self, least: int, most: int) -> date:
        """A day between so many days before the end of the data."""
        return (self.end - timedelta(days=self.random.randint(least, most))).date()


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


D = TypeVar("D", bound=Draw)


@dataclass(frozen=True)
class Template(Generic[D]):
    """A statement with `{field}`s; `calls` in the time that the workload stands for; `draw` gives the fields' SQL."""

    name: str
    calls: int
    sql: str
    draw: Callable[[D], Mapping[str, object]] = lambda draw: {}

    def literal(self, draw: D) -> str:
        values = self.draw(draw)
        return _FIELD.sub(lambda match: str(values[match.group(1)]), self.sql)


def literals(template: Template[D], make: Callable[[str], D], half: str) -> tuple[str, ...]:
    """SETS texts of one half; the halves' streams have nothing in common but the distribution."""
    return tuple(template.literal(make(f"{half}:{template.name}:{number}")) for number in range(SETS))
