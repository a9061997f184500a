"""Sessions: samples for hours, counts for a year, no literal on the disk."""

from __future__ import annotations

import random
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from history_simulation import BEGIN, TARGET, Simulation

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.privacy import query_head
from optischema_tui.core.history.sessions import KEYS_A_BUCKET, CountKey
from optischema_tui.core.history.store import History
from optischema_tui.core.models import ActivitySample, Session
from optischema_tui.core.workload.waits import wait_points

SHORT = Limits(activity=(600.0, 3600.0, 3 * 3600.0, 86400.0))
WAITS = (("", ""), ("IO", "DataFileRead"), ("Lock", "transactionid"), ("LWLock", "WALWrite"))


def session(pid: int, wait: tuple[str, str] = ("", ""), queryid: int | None = 1, **rest) -> Session:
    base = Session(
        pid, "client backend", "shop", "app", "web", "10.0.0.7", "active", *wait, queryid, "SELECT 'c4n4ry'", 1.0, 0.5
    )
    return replace(base, **rest)


def sample(at: float, *sessions: Session) -> ActivitySample:
    return ActivitySample(at, at - BEGIN, at, sessions, 7, 1, 9)


class Watch:
    """Saves samples of each second in batches of ten, and counts what was in them."""

    def __init__(self, history: History, clock: FixedClock) -> None:
        self.history, self.clock, self.chance = history, clock, random.Random(4)
        self.samples: list[ActivitySample] = []

    def run(self, seconds: float, step: float = 1.0) -> None:
        end = self.clock.at + seconds
        while self.clock.at < end:
            batch = []
            for _ in range(10):
                self.clock.advance(step)
                batch.append(sample(self.clock.at, *self.sessions()))
            self.samples += batch
            self.history.save_activity(TARGET, batch)

    def sessions(self) -> list[Session]:
        found = [
            session(pid, self.chance.choice(WAITS), self.chance.choice([1, 2, None]))
            for pid in range(self.chance.randint(0, 4))
        ]
        return [*found, session(99, ("Client", "ClientRead"), state="idle in transaction")]

    def classes(self) -> Counter[str]:
        return Counter(
            one.wait_type or "CPU" for each in self.samples for one in each.sessions if one.state == "active"
        )


@pytest.fixture
def watch(tmp_path: Path, clock: FixedClock):
    clock.at = BEGIN
    history = History.open(tmp_path / "short.db", clock, SHORT)
    yield Watch(history, clock)
    history.close()


def test_samples_come_back_as_they_were_without_literals(watch: Watch) -> None:
    watch.run(60)
    found = watch.history.activity_between(TARGET, BEGIN, watch.clock.at)
    assert [len(each.sessions) for each in found] == [len(each.sessions) for each in watch.samples]
    assert [(each.taken_at, each.idle, each.hidden, each.total) for each in found] == [
        (each.taken_at, 7, 1, 9) for each in watch.samples
    ]
    first, was = found[0].sessions[-1], watch.samples[0].sessions[-1]
    assert replace(first, query=was.query) == was
    assert {one.query for each in found for one in each.sessions} <= {"", "select ?"}
    part = watch.history.activity_between(TARGET, BEGIN + 20, BEGIN + 30)
    assert [each.taken_at for each in part] == [BEGIN + second for second in range(21, 31)]


def test_a_session_shows_the_text_of_its_statement(watch: Watch, tmp_path: Path) -> None:
    Simulation(watch.history, watch.clock)
    watch.history.save_activity(TARGET, [sample(BEGIN, session(1, queryid=2), session(2, queryid=77))])
    found = watch.history.sample_at(TARGET, BEGIN)
    assert found is not None
    assert [one.query for one in found.sessions] == ["SELECT a2 FROM t", ""]


def test_the_sample_of_a_moment(watch: Watch) -> None:
    watch.run(120)
    found = watch.history.sample_at(TARGET, BEGIN + 45.5)
    assert found is not None
    assert found.taken_at == BEGIN + 45
    assert watch.history.sample_at(TARGET, BEGIN) is None
    assert watch.history.sample_at(TARGET, watch.clock.at + 3600) is None, "too old to show that moment"
    assert watch.history.sample_at("other", BEGIN + 45) is None


def test_waits_add_up_on_every_tier(watch: Watch) -> None:
    watch.run(5 * 3600, step=5.0)
    end, classes = watch.clock.at, watch.classes()
    tiers = dict(watch.history._fetch("SELECT tier, count(*) FROM activity GROUP BY tier"))
    assert set(tiers) == {0, 60, 600, 3600}
    assert tiers[0] <= 600 / 50 + 8
    for points in (3, 20, 100, 1000):
        found = watch.history.waits(TARGET, BEGIN, end, points)
        assert sum(point.samples for point in found) == len(watch.samples)
        pairs = Counter[str]()
        for point in found:
            for name, sessions in point.by_class:
                pairs[name] += round(sessions * point.samples)
        assert pairs == classes
        assert sum(point.seconds for point in found) == pytest.approx(end - BEGIN)
        assert sum(point.breaks for point in found) == 1, "the beginning alone"
    average = sum(classes.values()) / len(watch.samples)
    (point,) = watch.history.waits(TARGET, BEGIN, end, 1)[:1]
    assert sum(sessions for _, sessions in point.by_class) == pytest.approx(average, rel=0.15)


def test_the_stored_profile_is_the_live_one(watch: Watch) -> None:
    odd = [
        session(5, ("Activity", "WalSenderMain")),
        session(6, backend_type="walsender"),
        session(7, ("Client", "ClientRead"), state="idle"),
        session(8, ("Lock", "relation")),
    ]
    batch = [replace(sample(BEGIN + second, *odd), left_out=3) for second in range(1, 11)]
    watch.history.save_activity(TARGET, batch)
    (stored,) = watch.history.waits(TARGET, BEGIN, BEGIN + 10)
    live = wait_points(batch, 3600)
    assert dict(stored.by_class) == dict(live[0].by_class) == {"not listed": 3.0, "Lock": 1.0}


def test_what_sessions_were_at_is_counted(watch: Watch) -> None:
    watch.run(2 * 3600, step=5.0)
    truth = Counter(
        CountKey(one.state, one.wait_type, one.wait_event, one.queryid or 0, one.database, one.role)
        for each in watch.samples
        for one in each.sessions
    )
    for points in (2, 60, 10_000):
        found = dict(watch.history.session_counts(TARGET, BEGIN, watch.clock.at, points))
        assert found == {key: pytest.approx(count / len(watch.samples)) for key, count in truth.items()}


def test_the_rest_beyond_the_most_frequent_is_counted_by_class(watch: Watch) -> None:
    for _ in range(13):
        watch.clock.advance(10)
        many = [session(pid, WAITS[pid % 4], queryid=pid) for pid in range(1, 3 * KEYS_A_BUCKET)]
        watch.history.save_activity(TARGET, [sample(watch.clock.at, *many)])
    watch.history.save_activity(TARGET, [sample(watch.clock.at + 600, session(1))])
    (minute,) = watch.history._fetch("SELECT count(*) FROM activity_count GROUP BY activity_id LIMIT 1")
    assert KEYS_A_BUCKET < minute[0] <= KEYS_A_BUCKET + 4
    found = dict(watch.history.session_counts(TARGET, BEGIN, BEGIN + 130, 1))
    assert sum(found.values()) == pytest.approx(3 * KEYS_A_BUCKET - 1)


def test_missing_samples_are_a_break(watch: Watch) -> None:
    watch.run(60)
    watch.clock.advance(120)
    watch.run(60)
    found = watch.history.waits(TARGET, BEGIN, watch.clock.at, 1000)
    assert [point.breaks for point in found] == [True, *[False] * 5, True, *[False] * 5]
    assert all(point.seconds <= 11 for point in found)


def test_raw_samples_are_bounded_in_bytes(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "small.db", clock, Limits(activity_bytes=100_000))
    watch = Watch(history, clock)
    watch.run(3600)
    size = history._fetch("SELECT sum(length(body)) FROM activity")[0][0]
    point_samples = sum(point.samples for point in history.waits(TARGET, BEGIN, clock.at, 60))
    history.close()
    assert 40_000 < size < 125_000
    assert point_samples == 3600


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("SELECT * FROM users WHERE email = 'c4n4ry' AND id = 42", "select * from users where email = ? and id = ?"),
        ("/* c4n4ry */ select 1 -- c4n4ry", "select ?"),
        ("INSERT INTO t VALUES ('c4n4ry', $$c4n4ry$$, E'c4n\\'4ry', 'cut c4n4", "insert into t values ( ? , ? , ? , ?"),
        ("ALTER ROLE bob PASSWORD 'c4n4ry'", "ALTER"),
        ("  vacuum c4n4ry", "VACUUM"),
        ("COPY t FROM '/c4n4ry'", "COPY"),
        ("c4n4ry", ""),
        ("<insufficient privilege>", ""),
        ("", ""),
        ("'c4n4ry", ""),
    ],
)
def test_the_head_of_a_query_has_no_literal(text: str, head: str) -> None:
    assert query_head(text) == head


def test_no_literal_is_on_the_disk(tmp_path: Path, clock: FixedClock) -> None:
    """Not even in a blob: bodies are looked at decompressed, the file as it is."""
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock)
    texts = [
        "SELECT 'c4n4ry'",
        "ALTER ROLE a PASSWORD 'c4n4ry'",
        "DO $$c4n4ry$$",
        "SELECT $x$c4n4ry",
        "VALUES (E'c4n4ry",
    ]
    sessions = [session(pid, queryid=queryid, query=text) for pid, text in enumerate(texts) for queryid in (None, 5)]
    history.save_activity(TARGET, [sample(BEGIN + 1, *sessions, session(9, application="password=c4n4ry"))])
    bodies = history._fetch("SELECT body FROM activity")
    history.close()
    assert bodies
    assert all(b"c4n4ry" not in zlib.decompress(body) for (body,) in bodies)
    assert b"10.0.0.7" in zlib.decompress(bodies[0][0])
    for file in tmp_path.glob("h.db*"):
        assert b"c4n4ry" not in file.read_bytes()
