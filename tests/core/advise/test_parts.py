"""Candidates, coverage, names and risk, each by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.advise.judge.risk import assess, updated_columns
from optischema_tui.core.advise.naming import index_name
from optischema_tui.core.advise.propose.coverage import covered_by, invalid_twin, makes_redundant
from optischema_tui.core.advise.propose.draft import Draft, plain
from optischema_tui.core.advise.propose.keys import leading, structured
from optischema_tui.core.advise.propose.problems import key_problem, table_problem
from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.conditions import Kind
from optischema_tui.core.advise.reading.use import Key, SortedKey, Term, Use
from optischema_tui.core.models import ColumnFacts, IndexFacts, IndexSpec, Risk, TableFacts


def column(name: str, distinct: float = 10.0, **more) -> ColumnFacts:
    return ColumnFacts(name, "integer", True, n_distinct=distinct, **more)


TABLE = TableFacts(
    "public", "t", 1, 100_000, 8_000_000,
    (column("a", 10), column("b", -0.5), column("c", 1000), column("d", 5), column("e", 2)), (),
)  # fmt: skip


def index(*columns: str, **more) -> IndexFacts:
    fields = {
        "schema": "public", "name": "i", "table": "t", "method": "btree", "columns": columns, "include": (),
        "descending": (), "predicate": "", "unique": False, "primary": False, "valid": True, "constraint": False,
        "size_bytes": 1, "definition": "",
    }  # fmt: skip
    return IndexFacts(**(fields | more))


def spec(*columns: str, descending: tuple[bool, ...] = ()) -> IndexSpec:
    return IndexSpec("public", "t", columns, descending)


def drafts(make, *terms: Term, sorts=(), width: int = 4):
    use = Use(TABLE, "t", terms=list(terms), sorts=list(sorts))
    return [tuple((part.key.text, part.descending) for part in draft.parts) for draft in make(View(use), width)]


def term(name: str, kind: Kind = Kind.EQUAL) -> Term:
    return Term(f"{name} {kind}", kind, {Kind.EQUAL: "=", Kind.ANY: "=", Kind.RANGE: ">"}[kind], Key(name))


def up(*names: str):
    return tuple((name, False) for name in names)


def test_equality_columns_lead_by_selectivity_then_one_range():
    terms = (*map(term, "abc"), term("d", Kind.RANGE), term("e", Kind.RANGE))
    found = [*drafts(structured, *terms), *drafts(leading, *terms)]

    assert {up("b", "c", "a"), up("b", "c", "a", "d"), up("b", "c", "a", "e")} <= set(found)
    assert {each[0][0] for each in found if len(each) == 3} == {"a", "b", "c"}
    assert max(map(len, found)) == 4


def test_order_follows_equality_and_lists_do_not_stand_between():
    order = (SortedKey(Key("c"), True),)
    found = drafts(structured, term("a"), term("d", Kind.ANY), sorts=[order])

    assert up("a", "c") in found
    assert up("a", "d", "c") not in found


def test_directions():
    both = (SortedKey(Key("a"), True), SortedKey(Key("b"), True))
    assert up("a", "b") in drafts(structured, sorts=[both])
    mixed = (SortedKey(Key("a")), SortedKey(Key("b"), True))
    assert (("e", False), ("a", False), ("b", True)) in drafts(structured, term("e"), sorts=[mixed])


def test_tables_and_columns_that_get_no_index():
    assert table_problem(TABLE) == ""
    assert "small" in table_problem(replace(TABLE, rows=999))
    assert "small" in table_problem(replace(TABLE, size_bytes=8192))
    assert "ANALYZE" in table_problem(replace(TABLE, rows=-1))
    assert "system" in table_problem(replace(TABLE, schema="pg_catalog"))
    assert "session" in table_problem(replace(TABLE, schema="pg_temp_3"))
    wide = replace(TABLE, columns=(column("a", has_btree=False), column("b", avg_width=5000)))
    assert "cannot order" in key_problem(Draft(plain([Key("a")])), wide)
    assert "too wide" in key_problem(Draft(plain([Key("b")])), wide)
    assert "not a column" in key_problem(Draft(plain([Key("zz")])), wide)


@pytest.mark.parametrize(
    ("existing", "wanted", "covered"),
    [
        (index("a"), spec("a"), True),
        (index("a", "b"), spec("a"), True),
        (index("a", "b"), spec("b"), False),
        (index("a"), spec("a", "b"), False),
        (index("b", "a"), spec("a", "b"), False),
        (index("a", valid=False), spec("a"), False),
        (index("a", predicate="b > 1"), spec("a"), False),
        (index("a", method="hash"), spec("a"), False),
        (index("b", include=("a",)), spec("a"), False),
        (index("(lower(a))", expressions=True), spec("a"), False),
        (index("a", "b", descending=(False, True)), spec("a", "b"), False),
        (index("a", "b", descending=(True, True)), spec("a", "b"), True),
        (index("a", "b", descending=(False, True)), spec("a", "b", descending=(True, False)), True),
    ],
)
def test_coverage(existing, wanted, covered):
    assert bool(covered_by(wanted, replace(TABLE, indexes=(existing,)))) is covered


def test_a_unique_index_over_pinned_columns_is_enough():
    table = replace(TABLE, indexes=(index("a", unique=True),))

    assert covered_by(spec("b"), table, ("a", "b"))
    assert not covered_by(spec("b"), table, ("b",))


def test_what_it_makes_redundant():
    table = replace(TABLE, indexes=(index("a"), index("a", name="u", unique=True), index("b", name="b")))

    assert makes_redundant(spec("a", "b"), table) == ("i",)
    assert invalid_twin(spec("a"), replace(TABLE, indexes=(index("a", valid=False),))) == "i"


def test_names_fit_and_stay():
    assert index_name(spec("a", "b")) == index_name(spec("a", "b"))
    assert index_name(spec("a", "b")) != index_name(spec("b", "a"))
    assert index_name(spec("a")).startswith("t_a_os")
    taken = index_name(spec("a"))
    assert index_name(spec("a"), {taken}) not in ("", taken)
    for table in ("ü" * 40, "表" * 30, "x" * 63, "a" + "é" * 31):
        name = index_name(IndexSpec("public", table, ("spalte", "ñandú")))
        assert len(name.encode()) <= 63
        assert name.rpartition("_os")[0] == (table + "_spalte_ñandú")[: len(name.rpartition("_os")[0])]


def test_risk():
    quiet = [""]
    assert assess(spec("a"), TABLE, 1_000_000, 100, quiet)[0] is Risk.LOW
    assert assess(spec("a"), replace(TABLE, size_bytes=2 << 30), 1, 100, quiet)[0] is Risk.MEDIUM
    assert assess(spec("a"), replace(TABLE, size_bytes=60 << 30), 1, 100, quiet)[0] is Risk.HIGH
    assert assess(spec("a"), replace(TABLE, indexes=(index("b"),) * 9), 1, 100, quiet)[0] is Risk.MEDIUM
    assert assess(spec("a"), replace(TABLE, writes=10_000_000), 1, 100, quiet)[0] is Risk.MEDIUM
    assert assess(spec("a"), replace(TABLE, writes=100_000), 1, 1, quiet)[0] is Risk.LOW
    level, reasons = assess(spec("a"), TABLE, 1, 100, ["UPDATE t SET a = $1 WHERE b = $2"])
    assert level is Risk.MEDIUM
    assert "HOT" in reasons[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("UPDATE t SET a = 1, b = f(c, d) WHERE e = 2", {"a", "b"}),
        ('update only public."t" as x set (a, "b") = (1, 2) from y', {"a", "b"}),
        ("UPDATE other SET a = 1", set()),
        ("SELECT 1 FROM t", set()),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1", set()),
    ],
)
def test_updated_columns(text, found):
    assert updated_columns(text, "t") == found
