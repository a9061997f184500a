"""Every kind of index change on the other supported versions."""

from __future__ import annotations

from typing import Any

import pytest

from optischema_tui.core.change.protocol import apply_change
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.models import ChangeState
from tests.core.change.kinds.of_indexes import indexes
from tests.core.change.kinds.of_tables import applied, approved, undone
from tests.core.change.kinds.test_index_round_trip import there_and_back
from tests.core.change.kinds.test_partitioned_index import TABLES, TEXT
from tests.servers.versions import SETTINGS, NoServer, binaries_of

pytestmark = pytest.mark.deep


@pytest.mark.parametrize("major", [13, 14, 16, 17])
def test_there_and_back(bench_on: Any, major: int) -> None:
    try:
        binaries = binaries_of(major)
    except NoServer as why:
        pytest.skip(str(why))
    with start_cluster(
        binaries, prefix=f"optischema-i{major}-", settings=SETTINGS, initdb_args=["--no-sync"]
    ) as cluster:
        bench = bench_on(cluster.dsn())
        for seed in range(400, 406):
            there_and_back(bench, seed)
        bench.sql(TABLES)
        before = indexes(bench)
        change = applied(bench, TEXT)
        assert change.state is ChangeState.VERIFYING
        assert undone(bench, change).state is ChangeState.ROLLED_BACK
        assert indexes(bench) == before
        rebuilt = approved(bench, "REINDEX TABLE items")
        done = apply_change(bench.journal, bench.spec, rebuilt.id, limits=bench.quick, typed=rebuilt.subject)
        assert done.state is ChangeState.KEPT
        assert indexes(bench) == before
