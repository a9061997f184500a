"""Whatever stands where a condition should be: it is read or left out, and nothing breaks."""

from __future__ import annotations

from random import Random

import pytest

from optischema_tui.core.advise.propose.candidate import Occurrence
from optischema_tui.core.advise.propose.proposal import propose
from optischema_tui.core.advise.reading.uses import uses
from optischema_tui.core.models import CatalogFacts, ColumnFacts, TableFacts
from optischema_tui.core.workload.plan import PlanNode

TYPES = {"a": "integer", "s": "character varying(9)", "d": "jsonb", "at": "timestamp with time zone", "done": "boolean"}
COLUMNS = tuple(
    ColumnFacts(name, kind, True, n_distinct=4, most_common_vals=("x", "5", "t"), most_common_freqs=(0.9, 0.04, 0.01))
    for name, kind in TYPES.items()
)
FACTS = CatalogFacts({("public", name): TableFacts("public", name, 1, 1e5, 10**7, COLUMNS, ()) for name in "tu"})
PIECES = (
    *"()[].,<>=?", "t",
    "t.a", "t.s", "t.d", "t.at", "t.done", "u.a", "a", "AND", "OR", "NOT", "IS", "NULL", "IS NOT NULL",
    "<>", "~~", "@>", "&&", "ANY", "ALL", "'{a,b}'", "'{\"a'", "::", "::text[]", "::text", "::date", "$1", "'x'",
    "'x%'",
    "5", "-5", "lower", "(lower(t.s))", "ROW(", "t.*", "t.ctid", "COLLATE", '"C"', "DESC", "NULLS FIRST", "OPERATOR(",
    "pg_catalog.", "now()", "CURRENT_DATE", "sum(t.a)", "E'\\'", "''", '"', "'", '"a""b"', "$x$", "--", "/*", "é", "\t",
    "BETWEEN", "EXTRACT(year FROM t.at)", "AT TIME ZONE", "SubPlan 1", "min(", "PARTIAL",
)  # fmt: skip


def plan(random: Random) -> PlanNode:
    def text() -> str:
        return random.choice((" ", " ", "")).join(random.choices(PIECES, k=random.randint(1, 12)))

    def node(kind: str, *children: PlanNode, table: str = "") -> PlanNode:
        return PlanNode(
            kind, 0, 1, 1, 8, table, "public" if table else "", table, children=children, output=(text(), text()),
            conditions=((random.choice(("Filter", "Hash Cond", "Index Cond")), text()),),
            keys=((random.choice(("Sort Key", "Group Key")), (text(), text())),),
        )  # fmt: skip

    top = random.choice(("Sort", "Hash Join", "Append", "Aggregate", "Limit", "ModifyTable", "Subquery Scan"))
    return node(top, node("Seq Scan", table="t"), node("Index Only Scan", table="u"))


@pytest.mark.parametrize("seed", range(4))
def test_any_text_is_read(seed):
    random = Random(seed)
    for number in range(120):
        found = uses(plan(random), FACTS)
        proposal = propose([Occurrence(0, found, found if number % 2 else None)], FACTS)
        for each in proposal.candidates:
            assert each.spec.columns
            assert all(each.spec.sql("i"))
