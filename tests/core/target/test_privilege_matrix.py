"""Each kind of role x each feature: it works, or the missing GRANT is named; and nothing is ever written."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Observed
from optischema_tui.core.config import Config
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.jobs.advise import run_advise
from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.paths import locate
from optischema_tui.core.target.capabilities import Level
from optischema_tui.core.target.resolver import resolve
from tests.conftest import SETTINGS

DATABASE = "shop"
GRANTS = {
    "nobody": "",
    "monitor": "GRANT pg_monitor TO {0}",
    "statistics": "GRANT pg_monitor TO {0}; GRANT USAGE ON SCHEMA app TO {0};"
    "GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data TO {0}",
    "reader": "GRANT pg_monitor, pg_read_all_data TO {0}",
    "owner": "GRANT pg_monitor, app_owner TO {0}",
    "superuser": "ALTER ROLE {0} SUPERUSER",
}
WORKS = {
    "statements": set(GRANTS),
    "texts": set(GRANTS) - {"nobody"},
    "activity": set(GRANTS) - {"nobody"},
    "statistics": {"statistics", "reader", "owner", "superuser"},
    "extended_statistics": {"statistics", "reader", "superuser"},
    "plans": {"reader", "owner", "superuser"},
    "create_index": {"owner", "superuser"},
    "drop_index": {"owner", "superuser"},
    "maintain": {"owner", "superuser"},
    "signal": {"superuser"},
    "parameters": {"superuser"},
    "config_files": {"superuser"},
}
"""Part -> the roles that have it wholly."""
ADVISED = {"statistics", "reader", "owner", "superuser"}
QUICK = ("nobody", "monitor", "statistics")
"""A lab for each of the others takes its time."""
READING = {"SELECT", "WITH", "SHOW", "BEGIN", "START", "SET", "COMMIT", "ROLLBACK", "EXPLAIN"}
WRITING = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|COPY|LOCK|VACUUM|ANALYZE|REINDEX"
    r"|CLUSTER|REFRESH|CALL|DO|NOTIFY|pg_advisory\w*|nextval|lo_\w+|pg_stat_reset\w*|pg_stat_statements_reset)\b",
    re.I,
)
_ENTRY = re.compile(r"^optischema-tui\|(\w+)\|LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", re.M)
_NO_CODE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.S)
"""Strings and comments."""


@pytest.fixture(scope="module")
def shop(binaries: Binaries) -> Iterator[Cluster]:
    settings = {**SETTINGS, "log_statement": "all", "log_line_prefix": "%a|%u|"}
    with start_cluster(binaries, prefix="optischema-matrix-", settings=settings, initdb_args=["--no-sync"]) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {DATABASE}")
        with psycopg.connect(cluster.dsn(DATABASE), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements; CREATE ROLE app_owner; CREATE SCHEMA app")
            admin.execute("ALTER SCHEMA app OWNER TO app_owner; SET search_path = app")
            admin.execute(
                "CREATE TABLE orders AS SELECT n AS id, n % 5000 AS customer FROM generate_series(1, 50000) n"
            )
            admin.execute("ALTER TABLE orders OWNER TO app_owner; ANALYZE orders")
            for role, grants in GRANTS.items():
                admin.execute(f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET search_path = app")
                admin.execute(grants.format(role))
            for customer in range(20):
                admin.execute(f"SELECT id FROM orders WHERE customer = {customer}".encode())
        yield cluster


@pytest.mark.parametrize("role", GRANTS)
def test_doctor_ticks_what_works_and_names_the_grant_for_the_rest(shop: Cluster, role: str) -> None:
    _, found = examine(resolve(shop.dsn(DATABASE, user=role), Config()))
    assert found.superuser == (role == "superuser")
    whole = {part.name for part in found.parts if part.level is Level.OK}
    for name, roles in WORKS.items():
        assert (name in whole) == (role in roles), f"{name}: {found.part(name)}"
    for name in WORKS.keys() - whole:
        assert "GRANT" in found.part(name).remedy, name


@pytest.mark.parametrize("role", GRANTS)
async def test_observing_works_for_every_role(shop: Cluster, role: str, until_async: Callable[..., Any]) -> None:
    events: list[CollectEvent] = []
    collector = Collector(resolve(shop.dsn(DATABASE, user=role), Config()), interval=3600, on_event=events.append)
    task = asyncio.create_task(collector.run())
    try:
        await until_async(lambda: any(isinstance(event, Observed) for event in events))
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    told = next(event for event in events if isinstance(event, Connected)).capabilities
    seen = next(event for event in events if isinstance(event, Observed))
    assert told.part("texts").available == (role != "nobody")
    assert (seen.snapshot.unreadable > 0) == (role == "nobody")
    assert any("customer" in text.text for text in seen.texts) == (role != "nobody")


@pytest.mark.parametrize(
    "role", [*QUICK, *(pytest.param(role, marks=pytest.mark.deep) for role in GRANTS if role not in QUICK)]
)
def test_advice_works_or_names_the_grant(shop: Cluster, role: str, state_dir: Path) -> None:
    spec = resolve(shop.dsn(DATABASE, user=role), Config())
    if role in ADVISED:
        report = run_advise(spec, locate(str(state_dir)))
        assert [rec for rec in report.recommendations if "customer" in rec.forward_sql]
        return
    with pytest.raises(OptischemaError) as caught:
        run_advise(spec, locate(str(state_dir)))
    wanted = "pg_read_all_stats" if role == "nobody" else "pg_statistic"
    assert re.search(rf"GRANT [^;]*{wanted}", caught.value.sentence)
    assert role in caught.value.sentence


def test_nothing_was_written_by_any_of_it(shop: Cluster) -> None:
    """After the tests above: what our sessions sent, by the server's own log."""
    entries = _ENTRY.findall(shop.log_file.read_text("utf-8", "replace"))
    assert {role for role, _ in entries} == set(GRANTS)
    assert len(entries) > 20 * len(GRANTS)
    sent = {_NO_CODE.sub(" ", text).strip() for _, text in entries}
    assert not {text for text in sent if re.split(r"\W", text, maxsplit=1)[0].upper() not in READING}
    assert not {text for text in sent if WRITING.search(text)}
