"""A rollback that comes due while another change runs waits for its turn, and begins when that one has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui import messages as m
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.protocol import apply_change
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.runs import Runs


class Program:
    """The `Runs` of one start of the program, with threads of its own; `told` keeps what the screens would show."""

    def __init__(self, spec: TargetSpec, paths: Paths) -> None:
        self.told: list[m.Fact] = []
        self.threads: list[threading.Thread] = []
        self.fingerprint = ""
        self.runs = Runs(spec, paths, SYSTEM, self.told.append, self.job, lambda: None, self.take_back)

    def job(self, work: Callable[[], None], failed: Callable[[OptischemaError], m.Fact] | None) -> None:
        def run() -> None:
            try:
                work()
            except OptischemaError as error:
                self.told.append(failed(error) if failed is not None else m.Told(error.sentence, "error"))

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def take_back(self) -> None:
        self.runs.take_back(self.fingerprint, lambda: None)

    def rest(self) -> None:
        for thread in self.threads:  # grows while they run
            thread.join(60)
            assert not thread.is_alive()

    def sentences(self, part: str) -> list[str]:
        return [fact.sentence for fact in self.told if isinstance(fact, m.Told) and part in fact.sentence]


class House:
    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
        self.spec = TargetSpec("test", params, allow_changes=True)
        self.paths = Paths(folder / "config.toml", folder / "state")
        self.journal = Journal.of(self.paths)
        with psycopg.connect(dsn, autocommit=True) as session:
            for table in ("items", "orders"):
                session.execute(f"CREATE TABLE {table} AS SELECT g AS id FROM generate_series(1, 1000) g".encode())

    def approved(self, sql: str, auto_undo: bool = False) -> Change:
        return give_approval(self.journal, propose_written(self.journal, self.spec, sql), SYSTEM, auto_undo=auto_undo)

    def worse(self, table: str) -> Change:
        """An applied change that is due to be rolled back by itself."""
        made = self.approved(f"CREATE INDEX CONCURRENTLY {table}_id ON {table} (id)", auto_undo=True)
        now = apply_change(self.journal, self.spec, made.id)
        return Ledger(self.journal, now, SYSTEM).move(ChangeState.NEEDS_ATTENTION, "Slower", worse=True)

    def start(self, change: Change) -> Program:
        program = Program(self.spec, self.paths)
        program.fingerprint = change.target.fingerprint
        return program

    def events(self, change: Change) -> list[str]:
        return [entry.event for entry in self.journal.entries() if entry.change_id == change.id]

    def undos(self, change: Change) -> int:
        return sum(other.rolls_back == change.id for other in self.journal.changes())


@pytest.fixture
def house(fresh_db: str, tmp_path: Path) -> Any:
    house = House(fresh_db, tmp_path)
    yield house
    house.journal.close()


def test_it_waits_for_its_turn_and_begins_then(house: House, until: Any) -> None:
    bad = [house.worse(table) for table in ("items", "orders")]
    other = house.approved("CREATE INDEX CONCURRENTLY orders_too ON orders (id, (id + 1))")
    program = house.start(bad[0])
    with psycopg.connect(house.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("SELECT count(*) FROM items")
        program.runs.start((other.id,), False, (), lambda: None)
        until(lambda: any(isinstance(fact, m.RunTick) for fact in program.told), what="the build")
        for _ in range(3):
            program.take_back()
        assert len(program.sentences("when the running change has ended")) == 2, "each is told once"
        assert program.sentences("Rolled back by itself") == []
        blocker.rollback()
    program.rest()
    for change in bad:
        assert house.journal.change(change.id).state is ChangeState.ROLLED_BACK
        assert house.events(change).count("change.undo_waits") == 1
        assert house.undos(change) == 1
    assert house.journal.change(other.id).state is ChangeState.VERIFYING
    assert len(program.sentences("Rolled back by itself")) == 2
    kinds = [type(fact) for fact in program.told]
    assert kinds.count(m.RunStarted) == kinds.count(m.RunDone) == 3
    assert m.RunFailed not in kinds
    program.take_back()
    program.rest()
    assert [house.undos(change) for change in bad] == [1, 1]


def test_a_program_that_starts_later_does_it(house: House) -> None:
    bad = house.worse("items")
    two = [house.start(bad), house.start(bad)]
    for program in two:
        program.job(program.take_back, None)
    for program in two:
        program.rest()
    assert house.journal.change(bad.id).state is ChangeState.ROLLED_BACK
    assert house.undos(bad) == 1
    assert sum(len(program.sentences("Rolled back by itself")) for program in two) == 1


def test_a_failure_is_told_and_not_repeated_at_once(house: House) -> None:
    bad = house.worse("items")
    program = house.start(bad)
    with psycopg.connect(house.dsn, autocommit=True) as session:
        session.execute("ALTER TABLE items ADD CONSTRAINT items_id_key UNIQUE (id)")
        session.execute("ALTER TABLE items ALTER id SET NOT NULL")
        session.execute("DROP INDEX items_id")
        session.execute("CREATE INDEX items_id ON items (id DESC)")
    for _ in range(3):
        program.take_back()
        program.rest()
    assert sum(isinstance(fact, m.RunFailed) for fact in program.told) == 1
    assert house.journal.change(bad.id).state is ChangeState.NEEDS_ATTENTION
