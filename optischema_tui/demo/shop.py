"""Loads the demo's shop into an empty database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, LiteralString, cast

if TYPE_CHECKING:
    import psycopg

_STEP = re.compile(r"^-- step (\d+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the load. `weight` is its share of the whole time, in no unit."""

    title: str
    weight: int
    sql: LiteralString


def steps() -> tuple[Step, ...]:
    """The steps of `shop.sql`, in order."""
    text = resources.files("optischema_tui.demo").joinpath("shop.sql").read_text(encoding="utf-8")
    parts = _STEP.split(text)[1:]
    return tuple(
        Step(title, int(weight), cast(LiteralString, sql))
        for weight, title, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )


def load(session: psycopg.Connection, progress: Callable[[str, float], None]) -> None:
    """Make and fill every table by `session` (autocommit; the role that shall own them).

    `progress` gets a title and the part done, 0..1, before each step.
    """
    plan = steps()
    whole = sum(step.weight for step in plan)
    done = 0
    for step in plan:
        progress(step.title, done / whole)
        session.execute(step.sql)
        done += step.weight
    progress("Loaded", 1.0)
