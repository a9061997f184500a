"""Two operators, each with a journal of their own, for one table and for one setting: exactly one wins."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import ChangeState
from optischema_tui.core.target.spec import TargetSpec
from tests.conftest import SETTINGS

QUICK = Limits(build_lock_ms=20_000, retry_seconds=0.1, short_retry_seconds=0.05, goodbye_seconds=0.2)
ROUNDS, MANY = 6, 200
TABLE = "CREATE TABLE items (id int); INSERT INTO items SELECT generate_series(1, 5000)"


@pytest.fixture(scope="module")
def race_server(binaries: Binaries) -> Iterator[Cluster]:
    settings = {**SETTINGS, "log_min_error_statement": "error"}
    with start_cluster(binaries, prefix="optischema-race-", settings=settings, initdb_args=["--no-sync"]) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as session:
            session.execute(TABLE)
            session.execute("CREATE DATABASE other")
        with psycopg.connect(cluster.dsn("other"), autocommit=True) as session:
            session.execute(TABLE)
        yield cluster


def spec_of(dsn: str) -> TargetSpec:
    params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
    return TargetSpec("race", params, allow_changes=True)


class Operator:
    def __init__(self, path: Path, dsn: str) -> None:
        self.journal = Journal.open(path)
        self.spec = spec_of(dsn)
        self.answer: str | ChangeRefused | Exception = ""
        self.change_id = ""

    def propose(self, sql: str) -> None:
        change = propose_written(self.journal, self.spec, sql)
        self.change_id = give_approval(self.journal, change, SYSTEM).id

    def apply(self, line: threading.Barrier) -> None:
        line.wait(30)
        try:
            done = apply_change(self.journal, self.spec, self.change_id, limits=QUICK, pause=lambda seconds: False)
            self.answer = str(done.state)
        except Exception as error:
            self.answer = error


def race(first: Operator, second: Operator, words: tuple[str, str]) -> Operator:
    """The winner. Fails unless exactly one wins and the other is refused before it has sent anything."""
    for operator, sql in zip((first, second), words, strict=True):
        operator.propose(sql)
    line = threading.Barrier(2)
    threads = [threading.Thread(target=operator.apply, args=(line,)) for operator in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    winners = [one for one in (first, second) if isinstance(one.answer, str)]
    losers = [one for one in (first, second) if isinstance(one.answer, ChangeRefused)]
    assert (len(winners), len(losers)) == (1, 1), (first.answer, second.answer)
    assert losers[0].journal.change(losers[0].change_id).state is ChangeState.APPROVED
    assert not [entry for entry in losers[0].journal.entries() if entry.event == "change.intent"
                and entry.change_id == losers[0].change_id]  # fmt: skip
    return winners[0]


def no_deadlock(server: Cluster) -> None:
    assert not re.search("deadlock detected", server.log_file.read_text(errors="replace"))


def index_races(server: Cluster, tmp_path: Path, rounds: int) -> None:
    first, second = (Operator(tmp_path / f"{name}.db", server.dsn()) for name in ("anna", "bert"))
    for number in range(rounds):
        words = (f"CREATE INDEX race_{number} ON items (id)",) * 2
        winner = race(first, second, words)
        with psycopg.connect(server.dsn()) as session:
            seen = session.execute("SELECT indisvalid FROM pg_index WHERE indrelid = 'items'::regclass").fetchall()
        assert seen == [(True,)]
        roll_back(winner.journal, winner.spec, winner.change_id, limits=QUICK, pause=lambda seconds: False)
    no_deadlock(server)


def setting_races(server: Cluster, tmp_path: Path, rounds: int) -> None:
    """From two databases: an advisory lock is of one database, a setting is of the whole server."""
    first = Operator(tmp_path / "anna.db", server.dsn())
    second = Operator(tmp_path / "bert.db", server.dsn("other"))
    for number in range(rounds):
        words = tuple(f"ALTER SYSTEM SET random_page_cost = {cost + number / 1000:.3f}" for cost in (2, 3))
        winner = race(first, second, (words[0], words[1]))
        with psycopg.connect(server.dsn()) as session:
            value = session.execute("SELECT setting FROM pg_file_settings WHERE name = 'random_page_cost'").fetchall()
        assert value == [(words[0 if winner is first else 1].rsplit(" ", 1)[1],)]
        roll_back(winner.journal, winner.spec, winner.change_id, limits=QUICK, pause=lambda seconds: False)
    no_deadlock(server)


def test_one_of_two_builds_the_index(race_server: Cluster, tmp_path: Path) -> None:
    index_races(race_server, tmp_path, ROUNDS)


def test_one_of_two_changes_the_setting(race_server: Cluster, tmp_path: Path) -> None:
    setting_races(race_server, tmp_path, ROUNDS)


@pytest.mark.deep
def test_many_races_for_an_index(race_server: Cluster, tmp_path: Path) -> None:
    index_races(race_server, tmp_path, MANY)


@pytest.mark.deep
def test_many_races_for_a_setting(race_server: Cluster, tmp_path: Path) -> None:
    setting_races(race_server, tmp_path, MANY)
