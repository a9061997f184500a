"""Indexes of every kind on a real server: built, recognised, verified and undone; hostile descriptions refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.catalog import covers, outcome_of_index, see_indexes, spec_of
from optischema_tui.core.change.expression import unsafe
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.predicate import same_expression
from optischema_tui.core.change.protocol import apply_change, approve, roll_back
from optischema_tui.core.change.shape import shape_problem
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import ChangeState, IndexSpec

Bench = Any
"""See conftest."""


def spec(*columns: str, **more: Any) -> IndexSpec:
    return IndexSpec("public", "items", columns, **more)


def computed(*columns: str, **more: Any) -> IndexSpec:
    return spec(*columns, computed=tuple(column.startswith("(") for column in columns), **more)


KINDS = (
    spec("order_id", "id", descending=(False, True), nulls=("FIRST", "LAST")),
    spec("order_id", descending=(True,)),
    spec("order_id", include=("note",)),
    spec("id", predicate="(note IS NOT NULL) AND (order_id < 50)"),
    spec("note", opclasses=("text_pattern_ops",)),
    computed("(lower(note))"),
    computed("order_id", "((payload ->> 'k'::text))"),
    computed("((made)::date)", predicate="(payload ->> 'open'::text) = 'yes'::text"),
    computed("(date_trunc('day', made))"),
    spec("note", method="hash"),
    spec("made", method="brin"),
    spec("payload", method="gin"),
    spec("payload", method="gin", opclasses=("jsonb_path_ops",)),
)


@pytest.fixture
def wide(bench: Bench) -> Bench:
    bench.sql("ALTER TABLE items ADD payload jsonb DEFAULT '{\"k\": 1}', ADD made timestamp DEFAULT '2024-01-01'")
    return bench


def test_each_kind_is_built_recognised_and_undone(wide: Bench) -> None:
    for number, index in enumerate(KINDS):
        wide.index, wide.name = index, f"kind_{number}"
        recommendation = wide.recommendation()
        change = approve(wide.journal, recommendation, wide.identity, wide.dsn)
        assert spec_of(change) == index
        applied = apply_change(wide.journal, wide.spec, change.id, limits=wide.quick)
        assert applied.state in (ChangeState.VERIFYING, ChangeState.NEEDS_ATTENTION), index
        assert wide.index_state() == "valid"
        with psycopg.connect(wide.dsn) as session:
            (seen,) = [each for each in see_indexes(session, "public", "items", wide.name) if each.name == wide.name]
        # As after a killed program: nothing but the description tells whether this is the approved index.
        found, why = outcome_of_index(change, seen, wanted=True)
        assert found is Outcome.DONE, (index, why)
        others = [other for other in KINDS if other != index]
        assert covers(seen, index)
        assert not any(covers(seen, other) for other in others if other.columns != ("order_id",)), index
        undone = roll_back(wide.journal, wide.spec, change.id, limits=wide.quick)
        assert undone.state is ChangeState.ROLLED_BACK
        assert wide.index_state() == "absent"


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ("(note COLLATE \"C\")", spec("note")),
        ("(lower(note) COLLATE \"C\")", computed("(lower(note))")),
        ("(upper(note))", computed("(lower(note))")),
        ("(note text_pattern_ops)", spec("note")),
        ("(order_id NULLS FIRST)", spec("order_id")),
        ("(((made)::date))", spec("made")),
    ],
)  # fmt: skip
def test_another_index_under_the_name_is_a_conflict(wide: Bench, made: str, wanted: IndexSpec) -> None:
    wide.index = wanted
    change = wide.approved()
    wide.sql(f"CREATE INDEX {wide.name} ON items {made}")
    with psycopg.connect(wide.dsn) as session:
        (seen,) = [each for each in see_indexes(session, "public", "items", wide.name) if each.name == wide.name]
    assert outcome_of_index(change, seen, wanted=True)[0] is Outcome.CONFLICT
    assert not covers(seen, wanted)


HOSTILE = (
    "a = 1; DROP TABLE items",
    "a = 1) ; DROP TABLE items; --",
    "a = 1 -- ",
    "a = 1 /* x */",
    "a = 1) OR (b = 2",
    "(SELECT true)",
    "EXISTS (SELECT 1)",
    "a IN (SELECT 1)",
    "a = $1",
    "a = E'\\x'",
    "a = $$x$$",
    "a = 'x\\' OR b = '",
    "a = 'x",
    "pg_sleep(10) IS NULL",
    "random() < 0.5",
    "now() > made",
    "made > CURRENT_DATE",
    "current_user = 'x'",
    "public.f(a)",
    'f (a)',
    '"f"(a)',
    "items.f",
    "(items).f",
    "a OPERATOR(public.=) 1",
    "a::public.evil = 1",
    "a::evil = 1",
    "evil 'x' = 'x'",
    "count(*) > 1",
    "row_number() OVER () = 1",
    "a = 1 WHERE b = 2",
    "a = 1 UNION SELECT 1",
    "a = 1\x00",
    "",
    "a = 1 AND " * 600 + "b = 1",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_never_becomes_sql(text: str) -> None:
    assert unsafe(text)
    assert unsafe(f"({text})", enclosed=True)
    if text:
        assert shape_problem(spec("id", predicate=text))
    assert shape_problem(computed(f"({text})"))


@pytest.mark.parametrize(
    "index",
    [
        spec("id", method="btree (id); DROP TABLE items; --"),
        spec("id", opclasses=("int8_ops) WHERE (true",)),
        spec("id", opclasses=('"a"b".int8_ops',)),
        spec("id", nulls=("FIRST, note",)),
        spec("note", method="hash", include=("id",)),
        spec("note", method="brin", descending=(True,)),
        spec("note", "id", method="hash"),
        spec("note", opclasses=("", "")),
        computed("(note), (lower(note))"),
        spec("lower(note)", computed=(True,)),
        spec(),
    ],
)
def test_descriptions_that_do_not_hold_together_are_refused(bench: Bench, index: IndexSpec) -> None:
    bench.index = index
    with pytest.raises(ChangeRefused, match="is not built by this program"):
        bench.approved()
    assert bench.journal.changes() == ()


def test_ordinary_conditions_and_keys_pass() -> None:
    for opclass in ("text_pattern_ops", "ext.gin_trgm_ops", '"Odd ""ext""".gin_trgm_ops'):
        assert not shape_problem(spec("note", opclasses=(opclass,))), opclass
    for text in (
        "deleted_at IS NULL",
        "(NOT processed)",
        "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        "(state = 'new'::order_state)",
        "amount > 5.5 AND amount < '-3'::integer",
        "tags @> ARRAY['x'::text]",
        "lower(\"select\") ~~ 'x%'::text",
    ):
        assert not unsafe(text), text
    for text in ("(lower((email)::text))", "((payload ->> 'k'::text))", "(date_trunc('day'::text, at))", "((a + b))"):
        assert not unsafe(text, enclosed=True), text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("lower((email)::text)", "(lower(email))", True),
        ("date_trunc('day'::text, at)", "(date_trunc('day', at))", True),
        ("(payload ->> 'k'::text)", "(payload ->> 'k')", True),
        ("(payload ->> 'k'::text)", "(payload -> 'k')", False),
        ("(payload -> 1)", "(payload -> '1')", False),
        ("(at)::date", "(at)", False),
        ("(a)::bigint", "(a)::date", False),
        ("((a)::date)::text", "(a)::text", False),
        ("upper(a)", "lower(a)", False),
    ],
)
def test_keys_are_compared_by_their_meaning(one: str, other: str, same: bool) -> None:
    assert same_expression(one, other) is same


def test_a_strangers_function_of_the_same_name_blocks(bench: Bench) -> None:
    bench.sql("CREATE ROLE stranger_of_change")
    try:
        bench.sql("GRANT CREATE ON SCHEMA public TO stranger_of_change")
        bench.sql("SET ROLE stranger_of_change; CREATE FUNCTION public.lower(varchar) RETURNS text IMMUTABLE"
                  " LANGUAGE sql AS $$SELECT 'x'::text$$")  # fmt: skip
        bench.index = computed("(lower(note))")
        with pytest.raises(ChangeRefused, match=r"the function public\.lower of role stranger_of_change"):
            apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
        bench.index = spec("id", predicate="order_id > 5")
        change = bench.approved()
        assert apply_change(bench.journal, bench.spec, change.id, limits=bench.quick).state is not None
    finally:
        bench.sql("DROP OWNED BY stranger_of_change; DROP ROLE stranger_of_change")


def test_a_volatile_form_is_refused_by_the_server_and_leaves_nothing(wide: Bench) -> None:
    wide.sql("ALTER TABLE items ADD at timestamptz DEFAULT now()")
    wide.index = computed("((at)::date)")
    change = wide.approved()
    with pytest.raises(Exception, match="IMMUTABLE"):
        apply_change(wide.journal, wide.spec, change.id, limits=wide.quick)
    assert wide.index_state() == "absent"
    assert wide.journal.change(change.id).state is ChangeState.FAILED_CLEAN


def test_a_partial_index_for_certain_values_is_not_called_unused(bench: Bench) -> None:
    bench.index = spec("order_id", predicate="note = 'rare'")
    recommendation = bench.recommendation()
    (affected,) = recommendation.evidence.affected
    for generic_after, state in ((1000.0, ChangeState.VERIFYING), (10.0, ChangeState.NEEDS_ATTENTION)):
        one = replace(affected, generic_before=1000.0, generic_after=generic_after)
        this = replace(recommendation, evidence=replace(recommendation.evidence, affected=(one,)))
        change = approve(bench.journal, this, bench.identity, bench.dsn)
        assert apply_change(bench.journal, bench.spec, change.id, limits=bench.quick).state is state
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)


def test_one_statement_for_a_partitioned_parent_is_blocked(bench: Bench) -> None:
    bench.sql("CREATE TABLE split (id int, order_id int) PARTITION BY RANGE (id)")
    bench.index = IndexSpec("public", "split", ("order_id",))
    with pytest.raises(ChangeRefused, match="split is partitioned") as refused:
        apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    assert "one by one" in refused.value.sentence
