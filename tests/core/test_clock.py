from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from optischema_tui.core.clock import FixedClock, iso, local_stamp, local_time

SPRING = 1_774_746_000.0
"""2026-03-29 01:00 UTC: Berlin goes from 02:00 to 03:00."""
AUTUMN = 1_792_890_000.0
"""2026-10-25 01:00 UTC: Berlin goes from 03:00 back to 02:00."""


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_local_time_across_the_change_of_summer_time() -> None:
    assert [local_time(SPRING + second) for second in (-1, 0)] == ["01:59:59", "03:00:00"]
    assert [local_time(AUTUMN + second) for second in (-1, 0)] == ["02:59:59", "02:00:00"]
    # The hour that comes twice is told apart by the zone's name.
    assert local_stamp(AUTUMN - 1800) == "2026-10-25 02:30 CEST"
    assert local_stamp(AUTUMN + 1800) == "2026-10-25 02:30 CET"
    assert iso(AUTUMN) == "2026-10-25T01:00:00Z"


def test_a_step_of_the_wall_clock_moves_no_deadline() -> None:
    clock = FixedClock()
    deadline = clock.monotonic() + 5
    clock.at -= 86_400
    assert clock.monotonic() < deadline
    clock.advance(5)
    assert clock.monotonic() >= deadline
