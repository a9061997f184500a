"""The OLTP workloads: literal texts of both halves, and what a server's own statistics would say of the seen one."""

from __future__ import annotations

import psycopg

from benchmarks.index_selection.databases import copy, drop
from benchmarks.index_selection.fleet.draws import FleetDraw
from benchmarks.index_selection.fleet.reads import READS as FLEET_READS
from benchmarks.index_selection.fleet.writes import WRITES as FLEET_WRITES
from benchmarks.index_selection.place import dsn
from benchmarks.index_selection.shop.draws import ShopDraw
from benchmarks.index_selection.shop.reads import READS as SHOP_READS
from benchmarks.index_selection.shop.writes import WRITES as SHOP_WRITES
from benchmarks.index_selection.templates import literals
from benchmarks.index_selection.workload import Statement, Workload

ROUNDS = 3
STATISTICS = """
SELECT query, mean_exec_time, rows / calls::float8 FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND toplevel
  AND query NOT LIKE '%pg_stat_statements%'
"""


def unseen(name: str) -> Workload:
    """The judge's half. Its `text`s and times are of no use and left out."""
    return Workload(name, tuple(Statement(each, "", calls, texts) for each, calls, texts in _half(name, "unseen")))


def seen(name: str) -> Workload:
    """The advisors' half: literal texts, and the text and mean time that pg_stat_statements shows after running them.

    Runs in a copy of the database; every statement is rolled back. Needs the server.
    """
    database = copy(name)
    try:
        with psycopg.connect(dsn(database), autocommit=True, prepare_threshold=None) as session:
            statements = []
            for each, calls, texts in _half(name, "seen"):
                text, mean, rows = _observe(session, texts)
                statements.append(Statement(each, text, calls, texts, mean, rows))
    finally:
        drop(database)
    return Workload(name, tuple(statements))


def _half(name: str, half: str) -> list[tuple[str, int, tuple[str, ...]]]:
    """(name, calls, literal texts) of every statement."""
    if name == "shop":
        return [(each.name, each.calls, literals(each, ShopDraw, half)) for each in (*SHOP_READS, *SHOP_WRITES)]
    return [(each.name, each.calls, literals(each, FleetDraw, half)) for each in (*FLEET_READS, *FLEET_WRITES)]


def _observe(session: psycopg.Connection, texts: tuple[str, ...]) -> tuple[str, float, float]:
    """(normalised text, mean milliseconds, rows per call) by pg_stat_statements; the first round warms."""
    for number in range(ROUNDS):
        if number <= 1:
            session.execute("SELECT pg_stat_statements_reset()")
        for text in texts:
            with session.transaction(force_rollback=True):
                session.execute(text.encode())
    rows = session.execute(STATISTICS).fetchall()
    assert len(rows) == 1, f"one statement, {len(rows)} rows: {texts[0]}"
    return str(rows[0][0]), float(rows[0][1]), float(rows[0][2])
