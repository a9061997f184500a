"""What an advisor is given and what the judge runs: statements with calls, measured mean time, literal texts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.index_selection.place import base, part
from optischema_tui.core.workload.row_limit import with_limit
from optischema_tui.core.workload.statement import WorkloadStatement, text_id

DATABASES = {
    "tpch": "tpch1",
    "tpch19": "tpch1",
    "tpch19_01": "tpch01",
    "tpcds90": "tpcds1",
    "shop": "shop",
    "fleet": "fleet",
}
"""Workload to the database it runs in."""
OLTP = ("shop", "fleet")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a workload. `mean_ms` without any added index; 0 where it was not measured."""

    name: str
    text: str
    """As pg_stat_statements keeps it, with `$n` for every constant; for TPC the query itself."""
    calls: int
    literals: tuple[str, ...]
    """The statement with values, one text per drawn set; each stands for calls / len(literals) calls."""
    mean_ms: float = 0.0
    rows_per_call: float = 0.0
    """As pg_stat_statements counts them; 0 where it was not measured."""

    @property
    def write(self) -> bool:
        return not self.literals[0].lstrip().lower().startswith(("select", "with"))


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    statements: tuple[Statement, ...]

    @property
    def database(self) -> str:
        return DATABASES[self.name]

    def pairs(self) -> list[tuple[str, float]]:
        """(literal text, weight = calls it stands for), what plain advisors are given."""
        return [(literal, each.calls / len(each.literals)) for each in self.statements for literal in each.literals]


def path_of(name: str, half: str) -> Path:
    """Where a workload lies. `half` is "seen" (what advisors may read) or "unseen" (the judge's)."""
    directory = part("workloads") if half == "seen" else part("judge")
    return directory / f"{name}.json"


def save(workload: Workload, half: str) -> None:
    document = {"name": workload.name, "statements": [asdict(each) for each in workload.statements]}
    path_of(workload.name, half).write_text(json.dumps(document, indent=1) + "\n")


def load(name: str, half: str) -> Workload:
    """A workload that `prepare` made. Raises SystemExit when it is not there."""
    path = path_of(name, half)
    if not path.exists():
        raise SystemExit(f"{path} is missing: run python -m benchmarks.index_selection.prepare (in {base()})")
    document = json.loads(path.read_text())
    return Workload(
        document["name"],
        tuple(Statement(**{**each, "literals": tuple(each["literals"])}) for each in document["statements"]),
    )


def as_file(workload: Workload) -> str:
    """The text of a `--workload FILE` with every literal text as a statement of its own, weighted."""
    lines = []
    for each in workload.statements:
        calls = max(1, round(each.calls / len(each.literals)))
        for literal in each.literals:
            lines.append(f"-- calls: {calls} mean_ms: {each.mean_ms:.6g}\n{literal.rstrip().rstrip(';')};\n")
    return "\n".join(lines)


def as_normalised_file(workload: Workload) -> str:
    """The same with `$n` texts only, as the program takes them from pg_stat_statements (`LIMIT $n` made a number)."""
    return "\n".join(
        f"-- calls: {each.calls} mean_ms: {each.mean_ms:.6g}\n{with_limit(each.text, each.rows_per_call)};\n"
        for each in workload.statements
    )


def literally(workload: Workload) -> tuple[WorkloadStatement, ...]:
    """For the program's advisor: every literal text a statement; those of one statement share its queryid."""
    return tuple(
        WorkloadStatement(
            literal,
            max(1, round(each.calls / len(each.literals))),
            each.mean_ms,
            text_id(each.text),
            rows_per_call=each.rows_per_call or None,
        )
        for each in workload.statements
        for literal in each.literals
    )


def normalised(workload: Workload) -> tuple[WorkloadStatement, ...]:
    """For the program's advisor: what it would have read from pg_stat_statements."""
    return tuple(
        WorkloadStatement(
            with_limit(each.text, each.rows_per_call),
            each.calls,
            each.mean_ms,
            text_id(each.text),
            rows_per_call=each.rows_per_call,
        )
        for each in workload.statements
    )
