"""The table of a run, a line each advisor and budget, and the same as JSON lines for later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from benchmarks.index_selection.choice import Choice
from benchmarks.index_selection.evaluate import Verdict
from benchmarks.index_selection.place import part
from benchmarks.index_selection.realrun import Run, true_c
from benchmarks.index_selection.truth import NOISE_MS, compare
from benchmarks.index_selection.workload import Workload

HEAD = (
    f"{'advisor':24} {'budget':>9} {'C seen':>8} {'C unseen':>8} {'mean':>6} {'n':>3} {'hypo MB':>8} {'real MB':>8}"
    f" {'C real':>8} {'run s':>8} {'best s':>8} {'writes':>7} {'calls':>7} {'CPU s':>7} {'wall s':>7}  note"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One advisor's answer to one budget (bytes; None without one), judged. `run` only where it was really built."""

    advisor: str
    budget: int | None
    choice: Choice
    seen: Verdict
    unseen: Verdict
    run: Run | None = None


def text(line: Line, workload: Workload, base: Run | None) -> str:
    """The line of the table."""
    budget = "-" if line.budget is None else f"{line.budget / 1e6:.1f} MB"
    words = f"{line.advisor:24} {budget:>9} {line.seen.c:8.4f} {line.unseen.c:8.4f} {line.unseen.mean_ratio:6.3f}"
    words += f" {len(line.choice.definitions):3} {line.seen.hypo_bytes / 1e6:8.1f}"
    if line.run is not None and base is not None:
        run = line.run
        words += f" {run.real_bytes / 1e6:8.1f} {true_c(workload, run, base):8.4f}"
        words += f" {run.cpu_seconds:8.1f} {run.best_seconds:8.1f} {run.write_cpu_seconds:7.1f}"
    else:
        words += f" {'-':>8} {'-':>8} {'-':>8} {'-':>8} {'-':>7}"
    choice = line.choice
    words += f" {choice.planner_calls:7} {choice.cpu_seconds:7.1f} {choice.wall_seconds:7.1f}  {choice.note}"
    refused = len(line.seen.refused)
    return words + (f" ({refused} not known to HypoPG)" if refused else "")


def afterwards(line: Line, base: Run | None) -> list[str]:
    """What does not fit the line: slower statements, and how true the predictions were."""
    if line.run is None or base is None:
        return []
    said = []
    if line.run.slower:
        said.append(f"  SLOWER by > 10 % and > 1 ms: {', '.join(line.run.slower)}")
    before = {name: each.cpu_ms for name, each in base.timings.items()}
    after = {name: each.cpu_ms for name, each in line.run.timings.items()}
    by_cost = {name: line.run.costs[name] / cost for name, cost in base.costs.items() if cost > 0}
    said.append(f"  time against cost on the real indexes: {compare(by_cost, before, after).line()}")
    if line.choice.predicted:
        said.append(f"  time against the advisor's prediction: {compare(line.choice.predicted, before, after).line()}")
    return said


def floor(workload: Workload, base: Run) -> float:
    """CPU seconds of the statements that are quick without any index: the same for every advisor, or worse."""
    quick = (each for each in workload.statements if base.timings[each.name].cpu_ms < NOISE_MS)
    return sum(each.calls * base.timings[each.name].best_ms for each in quick) / 1e3


def against(workload: Workload, peer: Line, mine: Run, theirs: Run) -> list[str]:
    """The peer's run time over ours: by all statements, and without the one that makes most of the difference."""
    gains = {
        each.name: each.calls * (theirs.timings[each.name].cpu_ms - mine.timings[each.name].cpu_ms) / 1e3
        for each in workload.statements
    }
    most = max(gains, key=lambda name: gains[name])
    calls = next(each.calls for each in workload.statements if each.name == most)
    rest = [run.cpu_seconds - calls * run.timings[most].cpu_ms / 1e3 for run in (theirs, mine)]
    return [
        f"  {peer.advisor} takes {theirs.cpu_seconds / mine.cpu_seconds:.2f}x our time (best rounds"
        f" {theirs.best_seconds / mine.best_seconds:.2f}x) at {theirs.real_bytes / 1e6:.1f} MB against our"
        f" {mine.real_bytes / 1e6:.1f} MB",
        f"  without {most}, which makes {gains[most]:.1f} s of the difference: {rest[0] / rest[1]:.2f}x",
    ]


def keep(line: Line, workload: Workload) -> None:
    """Append the line with its definitions and timings to results/<workload>.jsonl."""
    with (part("results") / f"{workload.name}.jsonl").open("a") as file:
        file.write(json.dumps(asdict(line)) + "\n")
