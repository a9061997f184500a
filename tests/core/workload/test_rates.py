from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.models import Reading
from optischema_tui.core.workload.rates import COUNTERS, derived, rates, totals

COLUMNS = ("relid", "seq_scan", "idx_scan", "n_tup_upd", "n_tup_hot_upd", "n_live_tup", "n_dead_tup")


def reading(
    *rows: tuple, at: float = 0.0, columns: tuple[str, ...] = COLUMNS, family: str = "tables", **more
) -> Reading:
    return Reading(family, 1e9 + at, 50.0 + at, 2e9 + at, columns, rows, **({"epoch": "e"} | more))


def test_counters_per_second_and_gauges_as_they_are():
    before, after = reading((1, 10, 20, 0, 0, 900, 100)), reading((1, 30, 80, 40, 30, 750, 250), at=10)

    (row,) = rates(before, after)

    assert (row["relid"], row["seq_scan"], row["idx_scan"], row["n_live_tup"]) == (1, 2.0, 6.0, 750)
    assert (row["idx_ratio"], row["hot_ratio"], row["dead_ratio"]) == (0.75, 0.75, 0.25)
    assert row["hit_ratio"] is None
    assert totals(after)[0]["idx_ratio"] == pytest.approx(80 / 110)


@pytest.mark.parametrize(
    "change",
    [{"epoch": "other"}, {"problem": "refused"}, {"family": "indexes"}, {"monotonic": 60.0, "server_clock": 3e9}],
)
def test_no_rate_across_an_epoch(change):
    before = replace(reading((1, 10, 20, 0, 0, 9, 1)), **change)

    (row,) = rates(before, reading((1, 30, 80, 4, 3, 9, 1), at=10))

    assert all(row[name] is None for name in ("seq_scan", "idx_scan", "idx_ratio", "hot_ratio"))
    assert row["n_live_tup"] == 9


def test_a_counter_that_fell_has_no_rate_and_its_row_no_ratio():
    before, after = reading((1, 10, 20, 0, 0, 9, 1)), reading((1, 30, 5, 4, 3, 9, 1), at=10)

    (row,) = rates(before, after)

    assert (row["seq_scan"], row["idx_scan"], row["idx_ratio"], row["hot_ratio"]) == (2.0, None, None, None)


def test_a_new_row_counts_from_nothing_only_where_all_rows_were_read():
    after = reading((1, 30, 80, 4, 3, 9, 1), at=10)

    assert rates(reading(), after)[0]["seq_scan"] == 3.0
    assert rates(reading(left_out=5), after)[0]["seq_scan"] is None


def test_what_the_server_does_not_count_is_not_known():
    before, after = reading((1, 10, None, 0, 0, 9, 1)), reading((1, 30, None, 4, 3, 9, 1), at=10)

    (row,) = rates(before, after)

    assert (row["seq_scan"], row["idx_scan"], row["hot_ratio"]) == (2.0, None, pytest.approx(0.75))


def test_a_family_of_one_row():
    columns = ("wal_records", "wal_fpi", "wal_bytes", "in_recovery")
    before = reading((100, 0, 1000, False), columns=columns, family="wal")
    after = reading((200, 25, 5000, False), at=10, columns=columns, family="wal")

    (row,) = rates(before, after)

    assert (row["wal_bytes"], row["fpi_ratio"], row["bytes_per_record"], row["in_recovery"]) == (400, 0.25, 40, False)


def test_every_counter_and_every_part_of_a_ratio_is_a_column_of_its_family():
    from optischema_tui.core.collect.families import databases, relations, replication, server

    questions = (
        databases.DATABASES, relations.TABLES, relations.INDEXES, server.IO, server.WAL, server.CHECKPOINTER,
        replication.SLOTS,
    )  # fmt: skip
    have = {question.family: {column.name for column in question.columns} for question in questions}

    assert set(COUNTERS) == set(have)
    for family, counters in COUNTERS.items():
        assert counters <= have[family], family
        ones = derived(family, dict.fromkeys(have[family], 1))
        assert None not in ones.values(), family
        assert not set(ones) & have[family], family
