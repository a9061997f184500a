"""The choice as a binary program over the plans known: exact for what is known, solved by HiGHS.

One plan for each question, an index for each plan that reads it, bytes within the budget:
    minimise  sum_q sum_k cost[q,k] y[q,k] + sum_i charge[i] x[i]
    sum_k y[q,k] = 1;   sum over the k that read i of y[q,k] <= x[i];   sum_i size[i] x[i] <= budget
Only the x need be whole: with them fixed the best y are. (CoPhy, Dash et al., VLDB 2011, with one row for each
question and index in place of one for each plan and index.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.advise.choose.ledger import bits

Column = tuple[int, float]
"""(mask of the indexes that a plan reads, its milliseconds)"""


@dataclass(frozen=True, slots=True)
class Cut:
    """A question's milliseconds are at least `least` unless one of `relief` is there, and never below `floor`."""

    place: int
    least: float
    floor: float
    relief: int


def undominated(columns: Sequence[Column], sizes: Sequence[int], budget: int | None) -> list[Column]:
    """The plans worth a column: no other reads a subset for as little, and what it reads fits the budget."""
    kept: list[Column] = []
    for mask, cost in sorted(columns, key=lambda each: (each[1], each[0].bit_count(), each[0])):
        if any(not other & ~mask for other, _ in kept):
            continue
        if budget is not None and sum(sizes[bit] for bit in bits(mask)) > budget:
            continue
        kept.append((mask, cost))
    return kept


class _Rows:
    """A linear program under construction, column by column and row by row."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.whole: list[bool] = []
        self.rows: list[tuple[float, float, list[int], list[float]]] = []

    def column(self, cost: float, upper: float, *, whole: bool = False) -> int:
        self.cost.append(cost)
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, low: float, high: float, columns: list[int], values: list[float]) -> None:
        self.rows.append((low, high, columns, values))


def solve(
    questions: Sequence[Sequence[Column]],
    charge: Sequence[float],
    sizes: Sequence[int],
    budget: int | None,
    *,
    gap: float = 1e-5,
    most_nodes: int = 500,
    stop: Callable[[], bool] = lambda: False,
) -> int | None:
    """The mask of the best set of indexes over the plans known. `charge` in milliseconds, by bit; indexes that exist
    are like any other, of size 0. None when it was stopped early."""
    infinite = float("inf")
    model = _Rows()
    everything = 0
    for columns in questions:
        for mask, _ in columns:
            everything |= mask
    x = {bit: model.column(charge[bit], 1.0, whole=True) for bit in bits(everything)}
    scale = sum(columns[-1][1] for columns in questions if columns) or 1.0
    for columns in questions:
        y = [model.column(cost, 1.0) for _, cost in columns]
        model.row(1.0, 1.0, y, [1.0] * len(y))
        readers: dict[int, list[int]] = {}
        for (mask, _), variable in zip(columns, y, strict=True):
            for bit in bits(mask):
                readers.setdefault(bit, []).append(variable)
        for bit, variables in sorted(readers.items()):
            model.row(-infinite, 0.0, [*variables, x[bit]], [1.0] * len(variables) + [-1.0])
    if not x:
        return 0
    _knapsack(model, x, sizes, budget)
    answer = _highs(model, scale, gap, most_nodes, stop)
    if answer is None:
        return None
    values, _ = answer
    return sum(1 << bit for bit, variable in x.items() if values[variable] > 0.5)


def least_possible(
    cuts: Sequence[Cut],
    floors: Sequence[float],
    charge: Sequence[float],
    sizes: Sequence[int],
    budget: int | None,
    *,
    most_nodes: int = 200,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[float, int] | None:
    """(milliseconds that no set within the budget can beat, the set that might reach them), by what plans with many
    indexes present have shown. None when it was stopped early.

    `floors` by question: the milliseconds with every candidate present. (Logic-based Benders cuts: an atom says that
    without any index beyond those it was given the price cannot be lower.)
    """
    infinite = float("inf")
    model = _Rows()
    everything = 0
    for cut in cuts:
        everything |= cut.relief
    x = {bit: model.column(charge[bit], 1.0, whole=True) for bit in bits(everything)}
    above = [model.column(1.0, infinite) for _ in floors]
    for cut in cuts:
        relief = bits(cut.relief)
        step = cut.least - cut.floor
        model.row(step, infinite, [above[cut.place], *(x[bit] for bit in relief)], [1.0] + [step] * len(relief))
    _knapsack(model, x, sizes, budget)
    base = sum(floors)
    if not x:
        return base, 0
    answer = _highs(model, max(base, 1e-9), 1e-4, most_nodes, stop)
    if answer is None:
        return None
    values, bound = answer
    return base + bound, sum(1 << bit for bit, variable in x.items() if values[variable] > 0.5)


def _knapsack(model: _Rows, x: dict[int, int], sizes: Sequence[int], budget: int | None) -> None:
    if budget is None or not x:
        return
    unit = max(budget, 1) / 1000
    heavy = [(variable, sizes[bit] / unit) for bit, variable in x.items() if sizes[bit]]
    if heavy:
        model.row(-float("inf"), budget / unit, [variable for variable, _ in heavy], [weight for _, weight in heavy])


def _highs(
    model: _Rows, scale: float, gap: float, most_nodes: int, stop: Callable[[], bool]
) -> tuple[list[float], float] | None:
    """(values of the columns, bound). Always the same answer: one thread, a fixed seed, work counted in nodes."""
    import highspy
    import numpy as np

    starts, columns, values = [0], [], []
    for _, _, row_columns, row_values in model.rows:
        columns += row_columns
        values += row_values
        starts.append(len(columns))
    solver: Any = highspy.Highs
    highs = solver()
    for option, setting in (
        ("output_flag", False), ("threads", 1), ("random_seed", 0), ("mip_rel_gap", gap), ("mip_abs_gap", 1e-9),
        ("mip_max_nodes", most_nodes), ("mip_feasibility_tolerance", 1e-7),
    ):  # fmt: skip
        highs.setOptionValue(option, setting)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(model.cost), len(model.rows)
    factor = 1e4 / scale
    program.col_cost_ = np.array(model.cost) * factor
    program.col_lower_ = np.zeros(len(model.cost))
    program.col_upper_ = np.array(model.upper)
    program.row_lower_ = np.array([low for low, _, _, _ in model.rows])
    program.row_upper_ = np.array([high for _, high, _, _ in model.rows])
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = np.array(starts)
    program.a_matrix_.index_ = np.array(columns)
    program.a_matrix_.value_ = np.array(values, dtype=float)
    kinds = highspy.HighsVarType
    program.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in model.whole]
    highs.passModel(program)

    def interrupt(event: Any) -> None:
        if stop():
            event.interrupt()

    highs.cbMipInterrupt += interrupt
    highs.run()
    info = highs.getInfo()
    if stop() or info.primal_solution_status != 2:
        return None
    solution = list(highs.getSolution().col_value)
    return solution, info.mip_dual_bound / factor
