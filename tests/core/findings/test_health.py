"""The health overview: its order, and a score whose parts add up."""

from __future__ import annotations

import pytest

from optischema_tui.core.findings.health import MOST, health, ordered, points
from optischema_tui.core.models import Finding, FindingKind, finding_id


def finding(kind: FindingKind, object_: str, cost: float = 0.0) -> Finding:
    return Finding(finding_id("t", "rule", object_), "t", kind, "rule", object_, "verdict", "title", cost=cost)


MANY = [finding(kind, f"{kind} {n}", 10.0**n) for kind in FindingKind for n in range(7)]


def test_nothing_found_is_a_hundred():
    assert sum(MOST.values()) == 100
    assert health([]).score == 100


@pytest.mark.parametrize("findings", [[], MANY[:1], MANY[3:9], MANY, MANY * 3])
def test_the_parts_add_up(findings: list[Finding]):
    made = health(findings)
    assert made.score == sum(part.points for part in made.parts)
    assert 0 <= made.score <= 100
    assert sum(part.most for part in made.parts) == 100
    assert sum(part.findings for part in made.parts) == len(made.findings)
    assert all((part.points < part.most) == bool(part.findings) for part in made.parts)


def test_the_dearest_comes_first_whatever_order_they_came_in():
    made = health(MANY[::-1])
    assert [each.cost for each in made.findings] == sorted((each.cost for each in MANY), reverse=True)
    assert made.findings == ordered(MANY)
    assert made.parts[0].heaviest == next(each.id for each in made.findings if each.kind == made.parts[0].kind)


def test_more_cost_takes_more_points():
    taken = [points(finding(FindingKind.WORKLOAD, "x", cost), 35) for cost in (0, 1000, 1e4, 1e5, 1e6, 3.6e6, 1e9)]
    assert taken[:2] == [1, 1]
    assert taken[-2:] == [35, 35]
    assert taken == sorted(taken)


def test_a_dismissed_finding_is_neither_listed_nor_counted():
    heavy = finding(FindingKind.WORKLOAD, "heavy", 1e6)
    assert health([heavy]).score < health([]).score
    made = health([heavy], hidden={heavy.id, "another"})
    assert (made.score, made.findings, made.hidden) == (100, (), 1)


def test_what_nobody_looked_at_gives_no_points():
    kinds = (FindingKind.MAINTENANCE, FindingKind.WORKLOAD)
    made = health(MANY, looked_at=kinds)
    assert [part.kind for part in made.parts] == [FindingKind.WORKLOAD, FindingKind.MAINTENANCE]
    assert sum(part.most for part in made.parts) == 100
    assert set(made.not_looked_at) == set(FindingKind) - set(kinds)
    with pytest.raises(ValueError, match="no kind"):
        health([], looked_at=())
