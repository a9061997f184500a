"""Each workload rule: what it finds, and what it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.findings.workload.facts import Facts, LeadingColumn, Seen
from optischema_tui.core.findings.workload.registry import RULES
from optischema_tui.core.models import ActivitySample, Finding, Interval, Session

DAY = 86_400.0
LOOKUP = "SELECT * FROM items WHERE order_id = $1"
LIST = "SELECT * FROM orders WHERE customer = $1"


def seen(
    queryid: int, text: str, calls: int, mean: float = 1.0, rows: float = 1.0, blocks: float = 4.0, **more: object
):
    roles = more.pop("roles", (("app", calls),))
    return Seen(queryid, text, calls, calls * mean, round(calls * rows), round(calls * blocks), 0, roles, **more)  # type: ignore[arg-type]


def facts(
    *statements: Seen, samples: tuple[ActivitySample, ...] = (), leading: tuple[LeadingColumn, ...] = ()
) -> Facts:
    return Facts("f" * 16, 0.0, DAY, statements, samples, leading)


def found(given: Facts) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(given)]


def only(given: Facts) -> Finding:
    (finding,) = found(given)
    return finding


def steps(calls: list[int], rows: list[int]) -> tuple[Interval, ...]:
    pairs = zip(calls, rows, strict=True)
    return tuple(Interval(60.0 * at, 60.0, call, 1.0, rows=row) for at, (call, row) in enumerate(pairs, 1))


# --- N+1 ---

LOAD = [10, 14, 20, 9, 31, 12]
MANY = [20 * each for each in LOAD]
CHILD = seen(1, LOOKUP, 200_000, 0.05, intervals=steps(MANY, MANY))
PARENT = seen(2, LIST, 10_000, 2.0, 20.0, intervals=steps(LOAD, MANY))


def test_an_n_plus_one_names_both_statements_and_the_rate():
    finding = only(facts(PARENT, CHILD))
    assert (finding.rule, finding.object, finding.queryids) == ("workload.n_plus_one", "1", (1, 2))
    assert "2.3 times a second" in finding.title
    assert "6 of 6 intervals" in finding.reasons[0].text
    assert {each.name: each.value for each in finding.impact}["round_trips_per_hour"] == pytest.approx(190_000 / 24)


@pytest.mark.parametrize(
    "others",
    [
        (CHILD,),  # many look-ups by key are what a server is for
        (CHILD, replace(PARENT, intervals=steps(LOAD, MANY[::-1]))),  # equal sums by chance
        (CHILD, replace(PARENT, roles=(("report", 10_000),))),
        (replace(CHILD, roles=(("a", 100_000), ("b", 100_000))), PARENT),
        (replace(CHILD, text="UPDATE items SET x = $2 WHERE order_id = $1"), PARENT),
        (CHILD, replace(PARENT, intervals=())),
        (CHILD, seen(2, LIST, 200_000, 0.05, 1.0, intervals=steps(MANY, MANY))),  # one for one
    ],
)
def test_what_only_looks_like_an_n_plus_one(others: tuple[Seen, ...]):
    assert found(facts(*others)) == []


# --- results ---


def test_an_unbounded_result():
    finding = only(facts(seen(1, "SELECT * FROM logs", 100, 200.0, 50_000.0)))
    assert finding.verdict == "unbounded result"
    assert "50,000 rows a call" in finding.title
    assert finding.cost == pytest.approx(100 * 200.0 / 24)


@pytest.mark.parametrize(
    "statement",
    [
        seen(1, "SELECT * FROM logs LIMIT $1", 100, 200.0, 50_000.0),
        seen(1, "SELECT * FROM logs", 5, 200.0, 50_000.0),  # a report now and then
        seen(1, "COPY logs TO STDOUT", 100, 200.0, 50_000.0),
        seen(1, "INSERT INTO a SELECT * FROM logs", 100, 200.0, 50_000.0),
        seen(1, "SELECT * FROM logs", 100, 200.0, 500.0),
    ],
)
def test_results_that_are_meant(statement: Seen):
    assert found(facts(statement)) == []


def test_offset():
    finding = only(facts(seen(1, "SELECT * FROM logs ORDER BY id LIMIT $1 OFFSET $2", 500, 80.0, 20.0, 9000.0)))
    assert finding.verdict == "reads what it skips"
    assert "9,000 blocks" in finding.title
    assert found(facts(seen(1, "SELECT * FROM logs ORDER BY id LIMIT $1 OFFSET $2", 500, 0.5, 20.0, 30.0))) == []


def test_long_and_many_lists():
    def text(members: int) -> str:
        return f"SELECT * FROM t WHERE id IN ({', '.join(f'${n}' for n in range(1, members + 1))})"

    assert only(facts(seen(1, text(500), 50))).reasons[0].code == "long_list"
    variants = [seen(n, text(n), 20, float(n)) for n in range(2, 15)]
    finding = only(facts(*variants))
    assert finding.reasons[0].code == "many_variants"
    assert finding.queryids[0] == 14
    assert "13 variants" in finding.title
    assert found(facts(*variants[:5])) == []


# --- time ---


def test_temporary_files():
    spills = replace(seen(1, "SELECT * FROM t ORDER BY a", 1000, 500.0), temp_blks=4_000_000)
    finding = only(facts(spills))
    assert "32.8 MB of temporary files a call" in finding.title
    assert finding.cost == pytest.approx(4_000_000 / 24 * 0.01)
    assert found(facts(replace(spills, temp_blks=20_000))) == []


def test_planning_dominates():
    finding = only(facts(seen(1, LOOKUP, 500_000, 0.1, plan_ms=1.5)))
    assert "planned for 1.5 ms and runs for 0.1 ms" in finding.title
    assert "94%" in finding.reasons[0].text
    assert found(facts(seen(1, LOOKUP, 500_000, 0.1, plan_ms=0.02))) == []
    assert found(facts(seen(1, LOOKUP, 500_000, 0.1))) == []
    assert found(facts(seen(1, LOOKUP, 200, 0.1, plan_ms=1.5))) == []


def test_a_wrapped_predicate_needs_an_index_that_a_call_does_not_use():
    leading = (LeadingColumn("public", "users", "email", "text", "users_email", 1000),)
    text = "SELECT * FROM users WHERE lower(email) = $1"
    finding = only(facts(seen(1, text, 100, 5.0, 1.0, 1000.0), leading=leading))
    assert finding.reasons[0].code == "wrapped_by_function"
    assert '"users_email"' in finding.title
    assert found(facts(seen(1, text, 100, 5.0, 1.0, 8.0), leading=leading)) == []
    assert found(facts(seen(1, text, 100, 5.0, 9_000.0, 1000.0), leading=leading)) == []


# --- sessions ---


def session(
    pid: int, state: str = "active", wait: str = "", blocked_by: tuple[int, ...] = (), **more: object
) -> Session:
    base = Session(pid, "client backend", "shop", "app", "web", "", state, wait, "transactionid" if wait else "",
                   1000 + pid % 2, "", 5.0, 5.0, blocked_by)  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def samples(*sessions: Session, seconds: int = 60) -> tuple[ActivitySample, ...]:
    return tuple(ActivitySample(1000.0 + at, float(at), 1000.0 + at, sessions) for at in range(seconds))


def test_idle_in_transaction():
    idle = session(10, "idle in transaction", query_seconds=1800.0, queryid=7)
    finding = only(facts(samples=samples(idle)))
    assert finding.object == "role app, application web"
    assert "30.0 minutes" in finding.title
    assert finding.queryids == (7,)
    assert finding.reasons[0].code == "holds_back_vacuum"
    blocking = samples(replace(idle, query_seconds=2.0), session(11, wait="Lock", blocked_by=(10,)))
    finding = only(facts(samples=blocking))
    # One of them waited the whole hour through.
    assert finding.reasons[0].code == "blocks_others"
    assert finding.cost == pytest.approx(3_600_000)
    assert found(facts(samples=samples(replace(idle, query_seconds=90.0)))) == []
    assert found(facts(samples=samples(session(10, query_seconds=9000.0)))) == []


def test_a_lock_convoy():
    head = session(10, queryid=5)
    queue = [session(20 + 2 * n, wait="Lock", blocked_by=(10 if n == 0 else 18 + 2 * n,)) for n in range(6)]
    finding = only(facts(samples=samples(head, *queue)))
    assert finding.object == "1000 (transactionid)"
    assert finding.queryids == (1000, 5)
    assert "6 sessions" in finding.title
    assert finding.cost == pytest.approx(6 * 3_600_000)
    assert found(facts(samples=samples(head, *queue[:3]))) == []
    assert found(facts(samples=samples(head, *queue, seconds=3))) == []


def test_a_circle_of_waits_is_no_convoy():
    circle = [session(pid, wait="Lock", blocked_by=(10 + (pid - 9) % 5,)) for pid in range(10, 15)]
    assert found(facts(samples=samples(*circle))) == []


def test_an_empty_window_gives_nothing():
    assert found(Facts("f" * 16, 0.0, 0.0, (CHILD, PARENT))) == []
