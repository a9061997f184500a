"""Screen 5: what is in a baseline, and how two compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sample_data as sample
from test_snapshots import app

from optischema_tui import messages as m
from optischema_tui.core.baseline.compare import compare

SIZES = pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")


async def settled(pilot: Any) -> None:
    for _ in range(8):
        await pilot.pause()


@SIZES
def test_what_is_in_a_baseline(snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(app(), press=["5"], terminal_size=size, run_before=settled)


@SIZES
def test_a_comparison(snap_compare: Any, size: tuple[int, int]) -> None:
    newer, older = sample.baselines()
    faster = replace(
        newer, statements=tuple(replace(each, exec_time=each.exec_time / (place + 1), stddev_exec_time=0.1)
                                for place, each in enumerate(newer.statements))
    )  # fmt: skip
    compared = compare(older, faster)
    rows = (replace(compared.rows[0], plan="before without public.orders_a_idx, after with it"), *compared.rows[1:])

    async def shown(pilot: Any) -> None:
        await settled(pilot)
        await pilot.press("5", "enter")
        await settled(pilot)
        pilot.app.post_message(m.ComparisonReady("monday", "now", replace(compared, rows=rows)))
        await settled(pilot)

    assert snap_compare(app(), terminal_size=size, run_before=shown)
