"""Advisors on one workload and several budgets, judged by cost and, with --real, by running.

python -m benchmarks.index_selection.run tpch19 --budgets 25,50,100 --advisors ours,extend,db2advis,dexter
python -m benchmarks.index_selection.run shop --budgets 25,50 --advisors extend,dexter --real --match
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import psycopg

from benchmarks.index_selection import server
from benchmarks.index_selection.choice import Choice
from benchmarks.index_selection.databases import table_bytes
from benchmarks.index_selection.evaluate import evaluate
from benchmarks.index_selection.peers import dexter, hyrise
from benchmarks.index_selection.peers.extend import extend
from benchmarks.index_selection.place import dsn
from benchmarks.index_selection.prepare import prepare
from benchmarks.index_selection.realrun import Run, run
from benchmarks.index_selection.report import HEAD, Line, afterwards, against, floor, keep, text
from benchmarks.index_selection.truth import NOISE_MS
from benchmarks.index_selection.workload import DATABASES, Workload, load

SIZE_MARGIN = 0.96
"""Of a peer's real bytes, as the budget of ours: the lab's sizes are a few per cent off; ours shall not be larger."""
WITHOUT_BUDGET = ("dexter", "dexter5")
PLANNERS = ("lab", "hypopg")
PLAIN: dict[str, object] = {
    "plain_only": True,
    "hopeful": True,
    "upkeep": False,
    "min_gain": 0.0,
    "covered_time": 1.0,
}
"""The peers' search space and objective: no expression, predicate or INCLUDE, the planner's cost as it is."""
FEEDS = ("literals", "normalised")
ADVISORS = ("ours", "extend", "hyrise-extend", "db2advis", "anytime", *WITHOUT_BUDGET)


def ask(advisor: str, workload: Workload, budget: int | None, settings: argparse.Namespace) -> Choice:
    """One advisor's answer. `budget` in bytes; None is for those of WITHOUT_BUDGET."""
    if advisor == "ours":
        from benchmarks.index_selection.ours import ours  # peers run without the program's advisor

        options = dict(PLAIN, max_width=settings.width) if settings.plain else {}
        options.update(json.loads(settings.options))
        return ours(workload, budget, settings.planner, settings.feed, predict=settings.real, **options)
    workload = _fewer(workload, settings.texts)
    if advisor in WITHOUT_BUDGET:
        return dexter.dexter(workload, 5 if advisor == "dexter5" else 50)
    assert budget is not None
    if advisor == "extend":
        return extend(workload, budget, settings.width)
    return hyrise.hyrise(advisor.removeprefix("hyrise-"), workload, budget, settings.width)


def _fewer(workload: Workload, texts: int) -> Workload:
    """The first so many literal texts of each statement."""
    return replace(
        workload,
        statements=tuple(replace(each, literals=each.literals[:texts]) for each in workload.statements),
    )


class Contest:
    """One workload's run: asks, judges, prints."""

    def __init__(self, settings: argparse.Namespace) -> None:
        self.settings = settings
        self.seen = load(settings.workload, "seen")
        self.unseen = load(settings.workload, "unseen")
        with psycopg.connect(dsn(self.seen.database)) as session:
            self.bytes = table_bytes(session)
        print(f"{settings.workload}: {len(self.seen.statements)} statements, {self.bytes / 1e6:.1f} MB of tables")
        self.base: Run | None = None
        if settings.real:
            self.base = run(self.unseen, ())
            print(
                f"without indexes: {self.base.cpu_seconds:.1f} s (best {self.base.best_seconds:.1f}), writes"
                f" {self.base.write_cpu_seconds:.1f}, wall {self.base.wall_seconds:.1f}"
            )
            seconds = floor(self.unseen, self.base)
            print(f"of that {seconds:.1f} s in statements below {NOISE_MS} ms: a floor under every set's time")
        print(HEAD, flush=True)

    def one(self, advisor: str, budget: int | None, name: str = "") -> Line:
        choice = ask(advisor, self.seen, budget, self.settings)
        real = run(self.unseen, choice.definitions, self.base) if self.base is not None else None
        line = Line(
            name or advisor,
            budget,
            choice,
            evaluate(self.seen, choice.definitions),
            evaluate(self.unseen, choice.definitions),
            real,
        )
        print(text(line, self.unseen, self.base))
        for said in afterwards(line, self.base):
            print(said)
        if self.settings.show:
            for definition in choice.definitions:
                print(f"    {definition}")
        print(end="", flush=True)
        keep(line, self.seen)
        return line

    def match(self, peer: Line) -> None:
        """Ours with no more real bytes than the peer's set has, and the quotient of the run times."""
        if peer.run is None:
            return
        mine = self.one("ours", int(SIZE_MARGIN * peer.run.real_bytes), f"ours, as {peer.advisor}")
        if mine.run is not None:
            for said in against(self.unseen, peer, mine.run, peer.run):
                print(said, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("workload", choices=sorted(DATABASES))
    parser.add_argument("--budgets", default="25,50,100", help="per cent of the tables' bytes")
    parser.add_argument("--advisors", default="ours,extend", help=", ".join(ADVISORS))
    parser.add_argument("--width", type=int, default=2, help="most columns of an index, for the peers that ask")
    parser.add_argument("--texts", type=int, default=99, help="literal texts per statement given to peers")
    parser.add_argument("--planner", choices=PLANNERS, default="lab", help="ours: whose costs and sizes")
    parser.add_argument("--feed", choices=FEEDS, default="literals", help="ours: which texts")
    parser.add_argument("--plain", action="store_true", help="ours: as the peers, by columns, width and cost alone")
    parser.add_argument("--options", default="{}", help="ours: fields of the advisor's Options, as JSON")
    parser.add_argument("--real", action="store_true", help="build the sets and run every statement")
    parser.add_argument("--match", action="store_true", help="after each peer, ours at the same real bytes (--real)")
    parser.add_argument("--show", action="store_true", help="print the indexes")
    settings = parser.parse_args()
    server.start()
    prepare(settings.workload)
    contest = Contest(settings)
    for advisor in settings.advisors.split(","):
        if advisor not in ADVISORS:
            parser.error(f"no advisor {advisor}: {', '.join(ADVISORS)}")
        budgets = [None] if advisor in WITHOUT_BUDGET else [float(each) for each in settings.budgets.split(",")]
        for percent in budgets:
            line = contest.one(advisor, None if percent is None else int(contest.bytes * percent / 100))
            if settings.match and advisor != "ours":
                contest.match(line)


if __name__ == "__main__":
    main()
