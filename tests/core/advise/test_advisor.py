"""The advisor's choices against a planner whose costs are laid down by the test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pytest

from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.advise.options import MAX_STATEMENTS, Options
from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.models import CatalogFacts, ColumnFacts, IndexSpec, TableFacts
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

MB = 1 << 20
Columns = tuple[str, ...]


def table(name: str) -> TableFacts:
    columns = tuple(ColumnFacts(each, "integer", True, n_distinct=100) for each in "abcd")
    return TableFacts("public", name, 1, 1e6, 100 * MB, columns, (), all_visible=1.0)


FACTS = CatalogFacts({("public", name): table(name) for name in ("t", "s")})


class Tariff:
    """A planner with a price list: (SQL, cost without, {columns: cost with an index on them}). The cheapest wins."""

    name = "tariff"

    def __init__(
        self, *lines: tuple[str, str, float, dict[Columns, float]], refuse: Columns = (), output: Columns = ()
    ) -> None:
        """A price is for keys and included columns together. `output`: what each statement reads."""
        self.output = output
        self.lines = {sql: (filters, cost, prices) for sql, filters, cost, prices in lines}
        self.refuse = refuse
        self.calls = 0

    def add(self, spec: IndexSpec) -> WhatIf:
        if self.refuse and spec.columns[0] in self.refuse:
            raise LabError("This index cannot be modelled")
        columns = spec.columns + spec.include
        return WhatIf(spec, "_".join(("w", spec.table, *columns, str(len(spec.columns)))), 10 * MB * len(columns))

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        made: list[WhatIf | LabError] = []
        for spec in specs:
            try:
                made.append(self.add(spec))
            except LabError as error:
                made.append(error)
        return made

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        self.calls += 1
        if sql not in self.lines:
            raise PlanFailed("It cannot be planned")
        filters, cost, prices = self.lines[sql]
        offers = [
            (prices[columns], i.name)
            for i in indexes
            if i.spec.table == sql[0] and (columns := i.spec.columns + i.spec.include) in prices
        ]
        best, name = min(offers, default=(cost, ""))
        if best >= cost:
            best, name = cost, ""
        return PlanNode(
            "Index Scan" if name else "Seq Scan", 0, best, 1, 8, sql[0], "public", sql[0], name,
            conditions=(("Filter", filters),), output=self.output,
        )  # fmt: skip


def work(sql: str, total: float = 100.0) -> WorkloadStatement:
    return WorkloadStatement(sql, 10, total / 10, 1)


def ask(planner: Tariff, *statements: WorkloadStatement, budget: int | None = None, progress: Callable | None = None):
    more = {"progress": progress} if progress else {}
    return advise(statements, FACTS, planner, target="x", options=Options(budget_bytes=budget), **more)


def chosen(advice) -> list[Columns]:
    return [rec.spec.columns for rec in advice.recommendations]


AB = "((a = 1) AND (b = 2))"


def test_the_shorter_index_when_it_does_nearly_as_much():
    planner = Tariff(("t1", AB, 1000, {("a",): 8.3, ("a", "b"): 8, ("b",): 500}))

    advice = ask(planner, work("t1"))

    assert chosen(advice) == [("a",)]
    assert advice.cost_before == 10_000
    assert advice.cost_after == 83


def test_the_wider_index_when_it_leaves_much_less():
    assert chosen(ask(Tariff(("t1", AB, 1000, {("a",): 40, ("a", "b"): 8})), work("t1"))) == [("a", "b")]


def test_included_columns_must_save_what_an_index_must_unless_the_bytes_are_there():
    """(a) INCLUDE (b) finds all in itself, and is worth a tenth of a per cent more than (a)."""
    covering = IndexSpec("public", "t", ("a",), include=("b",))
    planner = Tariff(("t1", "(a = 1)", 1000, {("a",): 10, covering.columns + covering.include: 9}), output=("t.b",))

    assert [rec.spec.include for rec in ask(planner, work("t1")).recommendations] == [()]
    assert [rec.spec.include for rec in ask(planner, work("t1"), budget=100 * MB).recommendations] == [("b",)]


def test_weight_is_measured_time_not_planned_cost():
    planner = Tariff(
        ("t1", "(a = 1)", 1_000_000, {("a",): 1}),
        ("s1", "(b = 1)", 10, {("b",): 1}),
    )

    advice = ask(planner, work("t1", 1.5), work("s1", 98.5))

    assert [rec.spec.table for rec in advice.recommendations] == ["s", "t"]


def test_a_gain_below_the_gates_is_explained():
    planner = Tariff(
        ("t1", "(a = 1)", 1000, {("a",): 850}),  # falls by 15 %
        ("s1", "(b = 1)", 1000, {("b",): 998}),  # 0.2 % of its half of the time
    )

    advice = ask(planner, work("t1"), work("s1"))

    assert advice.recommendations == ()
    assert any(line.startswith("s (b): gain too small: 0.1%") for line in advice.why_not)
    assert any(line.startswith("t (a): not proved") for line in advice.why_not)
    assert advice.cost_after == advice.cost_before


def test_one_index_for_two_statements_in_place_of_two():
    planner = Tariff(
        ("t1", AB, 1000, {("b", "a"): 5, ("a", "b"): 5, ("a",): 300}),
        ("t2", "(a = 1)", 1000, {("a",): 10, ("a", "b"): 11}),
    )

    assert chosen(ask(planner, work("t1"), work("t2"))) == [("a", "b")]


def test_the_budget():
    planner = Tariff(
        ("t1", "(a = 1)", 1000, {("a",): 10}),
        ("s1", "(b = 1)", 1000, {("b",): 10}),
    )

    advice = ask(planner, work("t1", 100), work("s1", 60), budget=15 * MB)

    assert [rec.spec.table for rec in advice.recommendations] == ["t"]
    assert any(line.startswith("s (b): exceeds the budget of 15.0 MB") for line in advice.why_not)
    assert ask(planner, work("t1"), budget=0).recommendations == ()


def test_an_index_that_cannot_be_modelled_is_named_and_the_rest_goes_on():
    planner = Tariff(("t1", AB, 1000, {("a",): 10, ("b",): 20}), refuse=("a",))

    advice = ask(planner, work("t1"))

    assert chosen(advice) == [("b",)]
    assert any("cannot be modelled" in line for line in advice.why_not)


def test_unplanned_and_light_statements_are_counted():
    planner = Tariff(("t1", "(a = 1)", 1000, {("a",): 10}))

    advice = ask(planner, work("t1", 1000), work("unknown", 500), work("light", 1))

    assert advice.unplanned == (("unknown", "It cannot be planned."),)
    assert (advice.planned, advice.left_out) == (1, 1)
    assert any(line.startswith("light statements that were not looked at: 1 (") for line in advice.why_not)


def test_no_more_than_the_heaviest_are_planned():
    planner = Tariff(*((f"t{number}", "", 10, {}) for number in range(200)))

    advice = ask(planner, *(work(f"t{number}", 1) for number in range(200)))

    assert advice.planner_calls == planner.calls == MAX_STATEMENTS
    assert advice.left_out == 200 - MAX_STATEMENTS


def test_an_empty_workload_and_one_without_time_have_nothing_to_save():
    planner = Tariff(("t1", "(a = 1)", 1000, {("a",): 10}))

    assert ask(planner).recommendations == ()
    advice = ask(planner, WorkloadStatement("t1", 5, 0.0, 1))
    assert (advice.recommendations, advice.planned, advice.gain) == ((), 1, 0.0)


def test_a_planner_that_breaks_in_mid_search_is_an_error():
    class Broken(Tariff):
        def plan(self, sql, indexes=(), *, without=()):
            if indexes:
                raise LabError("The lab's server was lost")
            return super().plan(sql, indexes)

    with pytest.raises(LabError):
        ask(Broken(("t1", "(a = 1)", 1000, {("a",): 10})), work("t1"))


def test_progress_only_grows():
    planner = Tariff(*((f"t{n}", "(a = 1)", 1000, {("a",): 10}) for n in range(5)))
    seen: list[float] = []

    ask(planner, *(work(f"t{n}") for n in range(5)), progress=lambda what, fraction: seen.append(fraction))

    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1


def test_ids_stay_the_same_and_depend_on_the_target():
    planner = Tariff(("t1", "(a = 1)", 1000, {("a",): 10}))
    (first,) = ask(planner, work("t1", 100)).recommendations
    (second,) = ask(planner, work("t1", 7)).recommendations
    (other,) = advise([work("t1")], FACTS, planner, target="y").recommendations

    assert first.id == second.id != other.id
    assert first.index_name == second.index_name
