"""What an existing index serves already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.advise.propose.coverage import covered_by, invalid_twin, makes_redundant
from optischema_tui.core.advise.propose.existing import droppable, spec_of
from optischema_tui.core.models import ColumnFacts, IndexFacts, IndexSpec, TableFacts

TABLE = TableFacts("public", "t", 1, 1e5, 8_000_000, tuple(ColumnFacts(each, "text", True) for each in "abcde"), ())


def index(*columns: str, **more) -> IndexFacts:
    fields = {
        "schema": "public", "name": "i", "table": "t", "method": "btree", "columns": columns, "include": (),
        "descending": (), "predicate": "", "unique": False, "primary": False, "valid": True, "constraint": False,
        "size_bytes": 1, "definition": "", "expressions": any(each.startswith("(") for each in columns),
    }  # fmt: skip
    return IndexFacts(**(fields | more))


def spec(*columns: str, **more) -> IndexSpec:
    computed = tuple(each.startswith("(") for each in columns)
    return IndexSpec("public", "t", columns, computed=computed if any(computed) else (), **more)


@pytest.mark.parametrize(
    ("existing", "wanted", "covered"),
    [
        (index("(lower(a))"), spec("(lower(a))"), True),
        (index("((a || b))"), spec("(a || b)"), True),
        (index("(lower(a))"), spec("a"), False),
        (index("a"), spec("(lower(a))"), False),
        (index("a", opclasses=("text_pattern_ops",)), spec("a"), False),
        (index("a", opclasses=("text_pattern_ops",)), spec("a", opclasses=("text_pattern_ops",)), True),
        (index("a"), spec("a", nulls=("FIRST",)), False),
        (index("a", descending=(False,), nulls_first=(True,)), spec("a", nulls=("FIRST",)), True),
        (index("a", descending=(True,), nulls_first=(False,)), spec("a", nulls=("FIRST",)), True),
        (index("a", descending=(True,), nulls_first=(True,)), spec("a"), True),
        (index("a"), spec("a", include=("b",)), False),
        (index("a", include=("c", "b")), spec("a", include=("b",)), True),
        (index("a", "b"), spec("a", include=("b",)), True),
        (index("a", predicate="(b IS NULL)"), spec("a"), False),
        (index("a", predicate="(b IS NULL)"), spec("a", predicate="b IS NULL"), True),
        (index("a", predicate="((b IS NULL) AND (c = 'x'::text))"), spec("a", predicate="b IS NULL"), False),
        (index("a", predicate="(b IS NULL)"), spec("a", predicate="(c = 'x'::text) AND (b IS NULL)"), True),
        (index("a"), spec("a", predicate="b IS NULL"), True),
        (index("a", method="gin"), spec("a", method="gin"), True),
        (index("b", "a", method="gin"), spec("a", method="gin"), True),
        (index("a", method="gin"), spec("a"), False),
        (index("a", method="gin"), spec("a", method="gin", opclasses=("jsonb_path_ops",)), False),
    ],
)
def test_coverage(existing, wanted, covered):
    assert bool(covered_by(wanted, replace(TABLE, indexes=(existing,)))) is covered


def test_a_much_smaller_partial_index_pays_beside_a_complete_one():
    table = replace(TABLE, indexes=(index("a"),))
    partial = spec("a", predicate="b IS NULL")

    assert covered_by(partial, table, share=0.5)
    assert not covered_by(partial, table, share=0.05)


@pytest.mark.parametrize(
    ("existing", "new", "needless"),
    [
        (index("a"), spec("a", "b"), True),
        (index("a", include=("c",)), spec("a", "b"), False),
        (index("a", include=("c",)), spec("a", "b", include=("c",)), True),
        (index("a", predicate="(b IS NULL)"), spec("a", "c"), True),
        (index("a"), spec("a", "c", predicate="b IS NULL"), False),
        (index("a", opclasses=("text_pattern_ops",)), spec("a", "b"), False),
        (index("a", constraint=True), spec("a", "b"), False),
        (index("a", replica_identity=True), spec("a", "b"), False),
        (index("a", valid=False), spec("a", "b"), False),
        (index("a", method="hash"), spec("a", "b"), False),
        (index("a", "b"), spec("a"), False),
    ],
)
def test_what_a_new_index_takes_the_place_of(existing, new, needless):
    assert makes_redundant(new, replace(TABLE, indexes=(existing,))) == (("i",) if needless else ())


def test_an_invalid_leftover_of_any_kind_is_known():
    table = replace(TABLE, indexes=(index("(lower(a))", valid=False), index("b", valid=False, predicate="(c = 1)")))

    assert invalid_twin(spec("(lower(a))"), table) == "i"
    assert invalid_twin(spec("b"), table) == ""


def test_what_may_be_dropped():
    assert droppable(index("a"), TABLE)
    for bound in ("unique", "primary", "constraint", "replica_identity", "clustered"):
        assert not droppable(index("a", **{bound: True}), TABLE)
    assert not droppable(index("a", valid=False), TABLE)
    assert not droppable(index("a", extension="x"), TABLE)
    assert not droppable(index("a", part_of="p"), TABLE)
    assert not droppable(index("a"), replace(TABLE, partitioned=True))


def test_an_index_as_a_spec_is_covered_by_itself():
    kinds = (
        index("a", "(lower(b))", descending=(True, False), nulls_first=(False, False), include=("c",)),
        index("a", predicate="((b = 'x'::text) AND (c IS NULL))", opclasses=("text_pattern_ops",)),
        index("a", method="gin", opclasses=("jsonb_path_ops",)),
    )
    for each in kinds:
        assert covered_by(spec_of(each), replace(TABLE, indexes=(each,)))
