"""Standing at a past moment, the identity of statements by their text, what is remembered of targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from history_simulation import BEGIN, IDENTITY, SHORT, TARGET, Simulation

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Kpis, Picture, StatementKey, StatementText

HOUR = 3600.0


@pytest.fixture
def simulation(tmp_path: Path, clock: FixedClock):
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, SHORT)
    yield Simulation(history, clock)
    history.close()


def test_the_interval_of_a_moment(simulation: Simulation) -> None:
    for _ in range(6):
        simulation.tick(share=1.0)
    history, end = simulation.history, simulation.clock.at
    tick = history.tick_at(TARGET, end - 40)
    assert tick is not None
    assert (tick.at, tick.seconds, tick.tier_seconds) == (end - 60, 30, 0)
    assert tick.point == simulation.points[3]
    ran = {ran.key: ran.times for ran in simulation.ran if ran.end == tick.at}
    assert {delta.key: (delta.calls, delta.exec_time) for _, delta in tick.rows} == {
        key: (len(times), pytest.approx(sum(times))) for key, times in ran.items()
    }
    text, delta = tick.rows[0]
    assert text == StatementText(delta.key, f"SELECT a{delta.key.queryid} FROM t", False, "app", "shop")
    assert (delta.plan_time, delta.shared_blks_hit, delta.shared_blks_read) == (0.5, 90, 10)
    assert (delta.temp_blks, delta.blk_io_time, delta.wal_bytes, delta.lower_bound) == (3, 0.25, 500, False)
    assert history.tick_at(TARGET, BEGIN - 1) is None
    assert history.tick_at("other", end) is None


def test_steps_go_through_every_interval_once(simulation: Simulation) -> None:
    simulation.run(6 * HOUR)
    history = simulation.history
    span = history.span(TARGET)
    assert span is not None
    at: float | None = span[1]
    back, calls, width = [], 0, []
    while at is not None:
        tick = history.tick_at(TARGET, at)
        assert tick is not None
        assert tick.at == at
        back.append(at)
        width.append(tick.tier_seconds)
        calls += sum(delta.calls for _, delta in tick.rows)
        at = history.neighbour(TARGET, at, -1)
    assert calls == sum(len(ran.times) for ran in simulation.ran)
    assert width == sorted(width)
    assert set(width) == {0, 60, 600, 3600}
    at, forth = back[-1], [back[-1]]
    while (at := history.neighbour(TARGET, at, 1)) is not None:
        forth.append(at)
    assert forth == back[::-1]
    assert history.neighbour(TARGET, back[10], 3) == back[7]
    assert history.neighbour(TARGET, back[10], -3) == back[13]
    assert history.neighbour(TARGET, back[-1], -1) is None
    assert history.span("other") is None


def test_the_first_tick_has_no_point(simulation: Simulation) -> None:
    simulation.clock.advance(30)
    assert simulation.history.save_tick(simulation.snapshot(), (), [], None)
    tick = simulation.history.tick_at(TARGET, simulation.clock.at)
    assert tick is not None
    assert (tick.point, tick.rows, tick.seconds) == (None, (), 30)


def renamed(simulation: Simulation, old: int, new: int) -> StatementKey:
    """The server calls a statement by another queryid from now on."""
    place = next(place for place, key in enumerate(simulation.keys) if key.queryid == old)
    key = StatementKey(10, 5, new)
    text = StatementText(key, f"select  A{old}\n FROM t -- anew", False, "app", "shop")
    simulation.counters[key] = type(simulation.counters[simulation.keys[place]])()
    del simulation.samples[simulation.keys[place]]
    simulation.keys[place] = key
    simulation.clock.advance(1)
    simulation.history.save_tick(simulation.snapshot(), [text], None, None)
    return key


def test_a_statement_is_followed_through_its_queryids(simulation: Simulation) -> None:
    simulation.run(2 * HOUR)
    old = simulation.keys[1]
    middle = renamed(simulation, 2, 200)
    simulation.run(HOUR)
    simulation.keys[1] = middle
    history, end = simulation.history, simulation.clock.at
    assert history.statements_like(TARGET, middle) == (middle, old)
    assert history.statements_like(TARGET, old) == (old,)
    assert history.statements_like(TARGET, StatementKey(1, 1, 1)) == ()
    calls = sum(len(ran.times) for ran in simulation.ran if ran.key in (old, middle))
    assert sum(point[1] for point in history.statement_points(TARGET, middle, BEGIN, end, 50)) == calls
    assert sum(cell.calls for cell in history.heatmap(TARGET, BEGIN, end, middle.queryid).cells) == calls


def test_statements_of_one_text_that_live_side_by_side_are_not_one(simulation: Simulation) -> None:
    """As when each tenant has tables of the same names in a schema of its own."""
    simulation.run(HOUR)
    tenant = StatementKey(10, 5, 300)
    text = StatementText(tenant, "SELECT a2 FROM t", False, "app", "shop")
    simulation.keys.append(tenant)
    simulation.counters[tenant] = type(simulation.counters[simulation.keys[0]])()
    simulation.history.save_tick(simulation.snapshot(), [text], None, None)
    simulation.run(HOUR)
    assert simulation.history.statements_like(TARGET, tenant) == (tenant,)
    own = sum(len(ran.times) for ran in simulation.ran if ran.key == tenant)
    points = simulation.history.statement_points(TARGET, tenant, BEGIN, simulation.clock.at, 50)
    assert sum(point[1] for point in points) == own


def test_a_statement_of_another_role_is_not_the_same(simulation: Simulation) -> None:
    simulation.run(600)
    key = renamed(simulation, 2, 200)
    text = StatementText(key, "SELECT a2 FROM t", False, "another", "shop")
    simulation.history.save_tick(simulation.snapshot(), [text], None, None)
    assert simulation.history.statements_like(TARGET, key) == (key,)


def test_a_statement_is_followed_through_an_upgrade_of_the_cluster(simulation: Simulation) -> None:
    """pg_upgrade makes a cluster of another identity; the address tells that it took the place of the old one."""
    history, clock = simulation.history, simulation.clock
    history.remember_target("spec", IDENTITY, "host=db")
    simulation.run(HOUR)
    old = simulation.keys[0]
    upgraded = replace(IDENTITY, system_identifier="8000", server_version_num=190000)
    history.remember_target("spec", upgraded, "host=db")
    key = StatementKey(10, 5, 4242)
    text = StatementText(key, "SELECT a1 FROM t", False, "app", "shop")
    clock.advance(30)
    history.save_tick(replace(simulation.snapshot(), target=upgraded, statements=()), [text], None, None)
    calls = sum(len(ran.times) for ran in simulation.ran if ran.key == old)
    assert sum(point[1] for point in history.statement_points(upgraded.fingerprint, key, BEGIN)) == calls
    elsewhere = replace(IDENTITY, system_identifier="9000")
    history.remember_target("another", elsewhere, "host=other")
    history.save_tick(replace(simulation.snapshot(), target=elsewhere, statements=()), [text], None, None)
    assert history.statement_points(elsewhere.fingerprint, key, BEGIN) == ()


def test_recent_targets_and_their_last_state(history: History, clock: FixedClock) -> None:
    history.note_state("a", "nobody there")
    assert history.recent_targets() == ()
    history.remember_target("a", replace(IDENTITY, label="shop on a"), "host=a password=c4n4ry")
    clock.advance(60)
    history.remember_target("b", IDENTITY, "host=b", label="production")
    clock.advance(60)
    history.note_state("a", "lost: the server closed the connection, password=c4n4ry")
    history.save_picture("b", Picture(IDENTITY, 77.0, None, Kpis(), (), ()))
    second, first = history.recent_targets()
    assert (first.label, first.dsn, first.picture_at) == ("shop on a", "host=a password=********", None)
    assert first.state == "lost: the server closed the connection, password=********"
    assert (first.seen_at, first.state_at) == (clock.at - 120, clock.at)
    assert (second.label, second.state, second.picture_at, second.identity) == ("production", "", 77.0, IDENTITY)
    history.remember_target("b", IDENTITY, "host=b")
    assert history.recent_targets()[0].label == "production"


def test_space_is_given_back(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    limits = Limits(spare_pages=10, pages_a_save=50, ticks=(300.0, 900.0, 3600.0, 7200.0))
    history = History.open(tmp_path / "h.db", clock, limits)
    many = Simulation(history, clock, statements=300)
    for _ in range(100):
        many.tick(share=1.0)
    history._database._open().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    large = (tmp_path / "h.db").stat().st_size
    many.keys = many.keys[:2]
    for _ in range(300):
        many.tick(180.0)
    connection = history._database._open()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    history.close()
    assert (tmp_path / "h.db").stat().st_size < large / 2
    assert free <= 60


def test_under_a_cap_the_finest_detail_goes_first(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, Limits(bytes=500_000, spare_pages=10, rows_a_save=500))
    many = Simulation(history, clock, statements=60)
    for _ in range(400):
        many.tick(share=1.0)
    counted = dict(history._fetch("SELECT tier, count(*) FROM tick GROUP BY tier"))
    calls = sum(stats.calls for stats in history.window(TARGET, BEGIN, clock.at))
    history.close()
    assert counted[3600] == 3
    assert counted[0] < 100
    assert counted[60] < 100
    assert calls == sum(len(ran.times) for ran in many.ran), "only detail was lost"
    assert (tmp_path / "h.db").stat().st_size < 600_000


def test_statements_that_nobody_sees_are_forgotten(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, Limits(statement_days=2, statements=1000))
    many = Simulation(history, clock, statements=40)
    clock.advance(5 * 86400)
    many.keys = many.keys[:3]
    many.tick(share=1.0)
    many.tick(share=1.0)
    known = history._fetch("SELECT count(*) FROM statement")
    history.close()
    assert known == [(3,)]


def test_the_number_of_statements_is_bounded(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, Limits(statements=30))
    for day in range(8):
        texts = [StatementText(StatementKey(1, 5, 100 * day + number), f"SELECT {number}") for number in range(10)]
        simulation = Simulation(history, clock, statements=1, seed=day)
        history.save_tick(simulation.snapshot(), texts, None, None)
        clock.advance(86400)
    known = history._fetch("SELECT count(*), min(seen_day) FROM statement")
    history.close()
    assert known[0][0] <= 50
