"""Proofs and recommendations on a real server with really built indexes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.advise.judge.drops import drop_advice
from optischema_tui.core.advise.judge.needless import elsewhere, needless
from optischema_tui.core.advise.judge.prove import prove
from optischema_tui.core.advise.judge.recipe import forward_and_inverse
from optischema_tui.core.advise.judge.recommend import recommend
from optischema_tui.core.change.shape import shape_problem
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import IndexSpec, Risk
from optischema_tui.core.sizes import size
from tests.core.advise.judge.conftest import statement


def spec(table: str, *columns: str, **more: Any) -> IndexSpec:
    return IndexSpec("public", table, columns, **more)


BY_CUSTOMER = spec("orders", "customer_id", "created_at", descending=(False, True))
RECENT = "SELECT id, total FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT 5"
RECENT_OF = RECENT.replace("$1", "17")


def judged(case: Any, index: IndexSpec, **more: Any):
    proof = prove(case, index)
    assert proof is not None
    assert not shape_problem(index), "what is recommended may be applied"
    return recommend(case, proof, **more)


def test_the_evidence_of_a_composite_index(case_of):
    reads = statement(RECENT, 1000, 5.0)
    case = case_of(
        [
            reads,
            statement("INSERT INTO orders VALUES ($1)", 400, 0.1),
            statement("SELECT count(*) FROM products", 5, 1.0),
        ],
        [BY_CUSTOMER],
        rivals=[spec("orders", "customer_id"), spec("orders", "customer_id", "region")],
        texts={0: [(RECENT_OF, 0.7), (RECENT.replace("$1", "18"), 0.3)]},
        fidelity={reads.queryid: 0.004},
    )  # fmt: skip
    rec = judged(case, BY_CUSTOMER, why_not=("orders (id): covered by orders_pkey",))
    evidence = rec.evidence

    assert rec.title == "Index orders (customer_id, created_at DESC)"
    assert rec.forward_sql == BY_CUSTOMER.sql(rec.index_name)
    (affected,) = evidence.affected
    assert affected.cost_before > 20 * affected.cost_after
    assert affected.generic_before > 20 * affected.generic_after
    assert affected.fidelity == 0.004
    assert affected.values == (RECENT_OF, RECENT.replace("$1", "18"))
    assert (
        evidence.confidence
        == "high: planned with values and the table's statistics; the lab agrees with the server within 1%"
    )
    assert evidence.size_bytes > 0
    assert 0 < evidence.upkeep < 0.01
    assert evidence.notes[:2] == (
        "customer_id first: compared with =, about 200 different values (0.5 % of the rows each on average).",
        "created_at then: rows come out in the wanted order, downwards, without a sort.",
    )
    assert "It also serves the foreign key on (customer_id): deletes in the parent look here." in evidence.notes
    assert len(rec.why_not) == 2, rec.why_not
    assert rec.why_not[0].startswith("Next best in its place, (customer_id")
    assert rec.why_not[1] == "orders (id): covered by orders_pkey"
    calls, writes, space = evidence.would_change
    assert calls.startswith("Fewer than ")
    assert calls.endswith(" calls of its main statement in the same time (now 1,000).")
    assert writes.startswith("Writes to orders growing more than ")
    assert space == f"A budget below its {size(evidence.size_bytes)}."


def test_would_change_is_computed(case_of):
    """With the calls that it names, the index does not stand any more; with a few more, it does."""
    other = statement("SELECT count(*) FROM order_items", 1000, 5.0)
    first = judged(case_of([statement(RECENT_OF, 1000, 5.0), other], [BY_CUSTOMER]), BY_CUSTOMER)
    need = int(first.evidence.would_change[0].split()[2].replace(",", ""))
    assert 2 <= need <= 30
    # The measured time shrinks with the calls, so the threshold moves a little.
    fewer, more = (case_of([statement(RECENT_OF, calls, 5.0), other], [BY_CUSTOMER]) for calls in (need // 3, need * 2))
    assert prove(fewer, BY_CUSTOMER) is None
    assert prove(more, BY_CUSTOMER) is not None


def test_an_index_that_no_plan_reads_or_that_saves_too_little_is_not_proved(case_of):
    useless = spec("orders", "status")
    case = case_of([statement("SELECT * FROM orders WHERE status <> 'new'")], [useless])
    assert prove(case, useless) is None
    small = case_of(
        [statement(RECENT_OF, 1, 0.01), statement("SELECT count(*) FROM order_items", 1000, 50.0)], [BY_CUSTOMER]
    )
    assert prove(small, BY_CUSTOMER) is None


def test_upkeep_can_outweigh_what_is_saved(case_of):
    index = spec("order_items", "order_id")
    reads = statement("SELECT * FROM order_items WHERE order_id = 5", 100, 10.0)
    few, many = (statement("INSERT INTO order_items VALUES (1)", calls, 0.001) for calls in (1_000, 1_000_000))
    assert prove(case_of([reads, few], [index]), index) is not None
    assert prove(case_of([reads, many], [index]), index) is None


def test_a_partial_index_for_a_drawn_value_says_when_it_serves(case_of, built):
    built.session.execute(
        "INSERT INTO customers SELECT n, 'x', 'zz' FROM generate_series(20001, 20020) n; ANALYZE customers"
    )
    index = spec("customers", "id", predicate="(country)::text = 'zz'::text")
    text = "SELECT * FROM customers WHERE country = $1"
    case = case_of(
        [statement(text, 100, 20.0)],
        [index],
        texts={0: [(text.replace("$1", "'zz'"), 0.5), (text.replace("$1", "'de'"), 0.5)]},
    )
    rec = judged(case, index)
    assert rec.title == "Index customers (id) WHERE (country)::text = 'zz'::text"
    assert "it serves when the server knows the values" in rec.evidence.confidence
    assert rec.evidence.confidence.startswith("medium")
    (affected,) = rec.evidence.affected
    assert affected.values == (text.replace("$1", "'zz'"),)
    assert affected.generic_after == pytest.approx(affected.generic_before)
    assert affected.cost_before / 3 < affected.cost_after < affected.cost_before
    assert any(
        note.startswith("About 0.2 % of the table's rows are WHERE (country)::text = 'zz'::text")
        for note in rec.evidence.notes
    )
    assert any(
        line.startswith("Rows WHERE (country)::text = 'zz'::text becoming common (now 0.2%")
        for line in rec.evidence.would_change
    )


def test_an_expression_without_statistics_is_a_guess(case_of):
    index = spec("customers", "(lower(email))", computed=(True,))
    said = "no statistics of lower(email): the planner takes 0.5 % of the rows"
    case = case_of(
        [statement("SELECT * FROM customers WHERE lower(email) = 'user7@example.org'")], [index], guesses={index: said}
    )
    rec = judged(case, index)
    assert rec.evidence.confidence == f"low: {said}"
    assert rec.index_name.startswith("customers_lower_email_os")
    assert rec.evidence.notes[0].startswith("(lower(email)) first: compared with =")


def test_a_covering_index_says_that_the_rows_need_not_be_read(case_of, built):
    built.session.execute("SET LOCAL enable_bitmapscan = off")
    index = spec("orders", "customer_id", include=("total",))
    case = case_of([statement("SELECT sum(total) FROM orders WHERE customer_id = 9")], [index])
    notes = judged(case, index).evidence.notes
    assert "total included, not searched: the table's rows need not be read." in notes


def test_an_early_stop_makes_no_case_for_an_order_alone(case_of):
    """The planner hopes that the ordered walk meets the matches soon; the honest price does not buy it."""
    text = "SELECT * FROM orders WHERE customer_id = 17 AND region = 'r7' ORDER BY created_at LIMIT 3"
    order, both = spec("orders", "created_at"), spec("orders", "customer_id", "created_at")
    case = case_of([statement(text)], [order], rivals=[both])
    question = case.costs.questions[0]
    hope = case.costs.plan(question, (order,))
    if order in case.costs.used(question, (order,)):
        assert case.costs.price(question, (order,)) > 2 * hope.total_cost
    assert case.costs.price(question, (both,)) < 0.4 * case.costs.price(question, (order,))


def test_trust_falls_with_fidelity_and_with_old_statistics(case_of, built):
    reads = statement(RECENT_OF)
    for difference, level in ((0.2, "medium"), (0.9, "low")):
        case = case_of([reads], [BY_CUSTOMER], fidelity={reads.queryid: difference})
        assert judged(case, BY_CUSTOMER).evidence.confidence.startswith(
            f"{level}: the lab's cost of a statement differs"
        )
    case = case_of([reads], [BY_CUSTOMER], not_modelled=("public.orders: a rule of the table", "public.other: nothing"))
    assert judged(case, BY_CUSTOMER).evidence.confidence == "medium: public.orders: a rule of the table"


def test_two_indexes_that_help_only_together_say_so(case_of):
    work = statement(
        "SELECT count(*) FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id"
        " WHERE c.email = 'user77@example.org'"
    )
    indexes = [spec("customers", "email"), spec("orders", "customer_id"), spec("order_items", "order_id")]
    case = case_of([work], indexes)
    proofs = [prove(case, index) for index in indexes]
    assert all(proofs)
    notes = [note for proof in proofs if proof for note in recommend(case, proof).evidence.notes]
    assert any(note.startswith("It helps only together with the recommended index on ") for note in notes)


def test_the_recipe_for_a_partitioned_table_builds_a_valid_index(fresh_db):
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(
            'CREATE SCHEMA "s 1"; CREATE TABLE "s 1"."P ON" (id int, kind int, note text) PARTITION BY RANGE (id);'
            'CREATE TABLE "s 1".p_1 PARTITION OF "s 1"."P ON" FOR VALUES FROM (0) TO (10);'
            'CREATE TABLE "s 1".p_2 PARTITION OF "s 1"."P ON" FOR VALUES FROM (10) TO (20) PARTITION BY LIST (kind);'
            'CREATE TABLE "s 1".p_2a PARTITION OF "s 1".p_2 FOR VALUES IN (1, 2);'
            'CREATE TABLE "s 1".p_2b PARTITION OF "s 1".p_2 DEFAULT;'
            'INSERT INTO "s 1"."P ON" SELECT n, n % 3, \'x\' FROM generate_series(0, 19) n'
        )
        facts = read_image(session).facts()
        index = IndexSpec("s 1", "P ON", ("(lower(note))", "kind"), computed=(True, False), predicate="kind > 0")
        forward, inverse = forward_and_inverse(index, "by note", facts)
        for step in forward.split(";\n"):
            session.execute(step)
        made = "SELECT count(*) FILTER (WHERE indisvalid), count(*) FROM pg_index WHERE indpred IS NOT NULL"
        assert session.execute(made).fetchone() == (5, 5)
        session.execute(inverse)
        assert session.execute(made).fetchone() == (0, 0)


# --- drops ---


def test_an_unused_index_may_go_when_a_person_has_checked(case_of, built):
    built.session.execute("CREATE INDEX idle ON orders (total)")
    case = case_of(
        [statement("SELECT * FROM orders WHERE id = 5"), statement("INSERT INTO orders VALUES (1)", 1000)],
        [],
        dropping=["idle"],
    )
    ((rec,), kept) = drop_advice(case)
    assert kept == ()
    assert (rec.kind, rec.spec, rec.index_name) == ("drop_index", None, "idle")
    assert rec.forward_sql == 'DROP INDEX CONCURRENTLY "public"."idle"'
    assert rec.inverse_sql == "CREATE INDEX CONCURRENTLY idle ON public.orders USING btree (total)"
    assert rec.evidence.upkeep > 0
    assert "No plan of this workload's statements that name its table reads it." in rec.evidence.facts
    assert "The server has counted no scan of it since its statistics were reset." in rec.evidence.facts
    assert any("standby" in line for line in rec.evidence.unknowns)
    assert any("is not known; 35 days" in line for line in rec.evidence.unknowns)
    assert rec.evidence.confidence.startswith("medium")
    ((seen,), _) = drop_advice(case, observed_days=40.0)
    assert any("40 days" in line for line in seen.evidence.facts)
    assert len(seen.evidence.unknowns) == len(rec.evidence.unknowns) - 1
    ((short,), _) = drop_advice(case, observed_days=3.0)
    assert any("is 3 days" in line for line in short.evidence.unknowns)


def test_a_prefix_of_another_index_is_redundant(case_of, built):
    built.session.execute(
        "CREATE INDEX narrow ON orders (customer_id); CREATE INDEX wide ON orders (customer_id, total)"
    )
    work = [statement("SELECT * FROM orders WHERE customer_id = 3")]
    ((rec,), kept) = drop_advice(case_of(work, [], dropping=["narrow"]))
    assert kept == ()
    assert rec.evidence.confidence == "high: wide serves the same keys"
    assert any(line.endswith("under the same condition: wide.") for line in rec.evidence.facts)
    assert not any("scan" in line and "standby" not in line for line in rec.evidence.unknowns)


def test_a_new_index_may_take_over_and_says_so_on_both_sides(case_of, built):
    built.session.execute("CREATE INDEX narrow ON orders (customer_id)")
    case = case_of([statement(RECENT_OF)], [BY_CUSTOMER], dropping=["narrow"])
    rec = judged(case, BY_CUSTOMER)
    assert "It would make the index narrow redundant: advice to drop it follows." in rec.evidence.notes
    ((drop,), _) = drop_advice(case)
    assert drop.index_name == "narrow"
    assert "Build the recommended index first." in drop.evidence.notes


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("CREATE UNIQUE INDEX stays ON orders (id, total)", "uniqueness"),
        ("CREATE INDEX stays ON orders (total); CLUSTER orders USING stays", "clustered"),
        ("CREATE INDEX stays ON orders (customer_id)", "foreign key"),
        (
            "CREATE INDEX stays ON orders (total); UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'stays'::regclass",
            "invalid",
        ),
    ],
)
def test_what_must_stay_is_not_advised_to_go(case_of, built, made, why):
    built.session.execute(made)
    case = case_of([statement("SELECT * FROM orders WHERE id = 5")], [], dropping=["stays"])
    advised, (sentence,) = drop_advice(case)
    assert advised == ()
    assert why in sentence


def test_an_index_that_something_else_scans_stays(case_of, built, monkeypatch):
    built.session.execute("CREATE INDEX read ON orders (total)")
    case = case_of([statement("SELECT * FROM orders WHERE id = 5")], [], dropping=["read"])
    (candidate,) = [each for each in case.costs.candidates if each.existing]
    object.__setattr__(candidate.existing, "scans", 4711)
    advised, (sentence,) = drop_advice(case)
    assert advised == ()
    assert "4,711 scans" in sentence


def test_an_index_that_a_statement_not_looked_at_may_read_stays(case_of, built):
    built.session.execute("CREATE INDEX idle ON orders (total)")
    work = [statement("SELECT * FROM orders WHERE id = 5")]
    reading, strange = 'SELECT * FROM public."orders" o WHERE o.total = $1', "SELECT no_such FROM orders"
    for unseen, why in ((reading, "too light to be looked at reads it"), (strange, "names its table and may read it")):
        advised, (sentence,) = drop_advice(case_of(work, [], dropping=["idle"], unseen=("SELECT 1", unseen)))
        assert advised == ()
        assert why in sentence
    others = ("SELECT 'orders' FROM order_items", "SELECT status FROM orders WHERE id = $1")
    ((rec,), _) = drop_advice(case_of(work, [], dropping=["idle"], unseen=others))
    assert any("view or a function" in line for line in rec.evidence.unknowns)


def test_an_index_that_statements_read_goes_only_at_high_risk(case_of, built):
    built.session.execute(
        "CREATE INDEX one ON orders (customer_id, total); CREATE INDEX two ON orders (customer_id, region)"
    )
    case = case_of([statement("SELECT * FROM orders WHERE customer_id = 3")], [], dropping=["one", "two"])
    advised, kept = drop_advice(case)
    assert len(advised) + len(kept) == 2
    assert all(rec.risk is Risk.HIGH for rec in advised if rec.evidence.affected)


def test_what_a_call_takes_anyway_is_not_saved(case_of):
    """A look-up of some microseconds is no case for an index, whatever the planner's figures fall by."""
    for mean_ms, proved in ((0.02, False), (0.025, False), (5.0, True)):
        case = case_of([statement(RECENT_OF, 100_000, mean_ms)], [BY_CUSTOMER])
        assert (prove(case, BY_CUSTOMER) is not None) is proved


def test_the_shorter_of_two_that_begin_alike_goes_and_what_nothing_scans(case_of, built):
    built.session.execute(
        "CREATE INDEX narrow ON orders (created_at); CREATE INDEX wide ON orders (created_at, region);"
        "CREATE INDEX idle ON orders (id, status); CREATE INDEX small ON customers (country);"
        "CREATE INDEX read ON orders (total)"
    )
    work = [
        statement("SELECT * FROM orders WHERE created_at = '2024-02-02' AND region = 'r1'"),
        statement("SELECT count(*) FROM orders WHERE total = 7"),
        statement("SELECT note FROM customers WHERE id = 5"),
    ]
    case = case_of(work, [], dropping=["narrow", "wide", "idle", "small", "read"])
    specs = {each.existing.name: each.spec for each in case.costs.candidates if each.existing}

    def names(*dropped):
        gone = needless(replace(case, dropped=tuple(specs[name] for name in dropped)))
        return {name for name, spec in specs.items() if spec in gone}

    assert names() == {"narrow", "idle"}
    assert names("wide") == {"narrow", "idle"}
    assert names("read", "narrow") == {"narrow", "idle", "read"}
    object.__setattr__(case.candidate(specs["idle"]).existing, "scans", 4711)
    assert names() == {"narrow"}


def test_twins_and_indexes_of_tables_that_the_study_leaves_out(case_of, built):
    built.session.execute(
        "CREATE INDEX one ON orders (created_at); CREATE INDEX other ON orders (created_at);"
        "CREATE INDEX needless ON order_items (id); CREATE INDEX idle ON order_items (quantity, order_id);"
        "CREATE INDEX short ON order_items (quantity, id); CREATE INDEX longer ON order_items (quantity, id, order_id)"
    )
    work = [statement("SELECT * FROM orders WHERE created_at = '2024-02-02'")]
    case = case_of(work, [], dropping=["one", "other"])
    case = replace(case, dropped=needless(case), elsewhere=elsewhere(case))
    advised, kept = drop_advice(case)
    assert kept == ()
    found = {rec.index_name: rec for rec in advised}
    assert len(found.keys() & {"one", "other"}) == 1
    # Nothing scans the longer one either, but it is to serve in place of the shorter.
    assert found.keys() - {"one", "other"} == {"needless", "idle", "short"}
    assert found["needless"].evidence.confidence == "high: order_items_pkey serves the same keys"
    assert found["idle"].evidence.confidence.startswith("medium")
    assert all("serves the same keys" in found[name].evidence.confidence for name in found.keys() - {"idle"})
