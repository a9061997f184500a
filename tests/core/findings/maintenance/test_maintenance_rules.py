"""Each maintenance rule: what it finds, and what it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.findings.maintenance import thresholds
from optischema_tui.core.findings.maintenance.facts import Database, Facts, Holder, Sequence, Table, TablePast
from optischema_tui.core.findings.maintenance.pace import per_hour, xids_per_hour
from optischema_tui.core.findings.maintenance.registry import RULES
from optischema_tui.core.models import Finding

NOW = 1_780_000_000.0
HOUR = 3600.0
WELL = Table(
    1, "public", "orders", pages=20_000, rows=1_000_000, live=1_000_000, dead=5_000, modified=1_000, inserts=1_000_000,
    updates=100_000, hot_updates=95_000, new_page_updates=2_000, last_vacuum=NOW - HOUR, last_analyze=NOW - HOUR,
    vacuums=10, analyzes=10, known_columns=5, row_width=100.0, columns=5, xid_age=1_000_000, multixact_age=10,
)  # fmt: skip
SESSION = Holder("session", "batch", "app", "idle in transaction", 99, 50_000, 7200.0, 77)


def past(*steps: TablePast | dict[str, object]) -> tuple[TablePast, ...]:
    """Readings of one table, an hour apart, the last now."""
    begin = NOW - HOUR * (len(steps) - 1)
    base = TablePast(begin, "e", 1_000_000, 0, 0, 0, 0, 0, 0, 0, 1_000_000, True)
    return tuple(replace(base, at=begin + HOUR * place, **step) for place, step in enumerate(steps))  # type: ignore[arg-type]


def facts(*tables: Table, **given: object) -> Facts:
    return Facts("f" * 16, NOW, tables, **given)  # type: ignore[arg-type]


def found(given: Facts) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(given)]


def only(given: Facts) -> Finding:
    (finding,) = found(given)
    return finding


# --- a server in order ---


def test_a_table_in_order_gives_nothing():
    steady = past(*({"dead": 5_000, "vacuums": place, "xid_age": 1_000_000} for place in range(6)))
    sequence = Sequence("public", "orders_id_seq", "bigint", 1, 2**63 - 1, 1, 1, False, 1_000_000)
    given = facts(WELL, past={1: steady}, sequences=(sequence,), databases=(Database("shop", 1_000_000, 10, True),))
    assert found(given) == []


def test_a_standby_is_not_judged_by_the_primarys_work():
    sick = replace(WELL, dead=900_000, xid_age=2_000_000_000, modified=900_000)
    assert found(facts(sick, in_recovery=True, holders=(SESSION,))) == []


# --- dead rows ---


def test_thresholds_are_those_of_the_servers_documentation():
    assert thresholds.vacuum_threshold(facts(), WELL) == 50 + 0.2 * 1_000_000
    own = replace(WELL, options={"autovacuum_vacuum_scale_factor": "0.01", "autovacuum_vacuum_threshold": "1000"})
    assert thresholds.vacuum_threshold(facts(), own) == 11_000
    capped = facts(settings={"autovacuum_vacuum_max_threshold": "5000"})
    assert thresholds.vacuum_threshold(capped, WELL) == 5_000
    assert thresholds.analyze_threshold(facts(), WELL) == 100_050
    assert thresholds.freeze_max_age(facts(), replace(WELL, options={"autovacuum_freeze_max_age": "900000000"})) == 2e8


def test_a_table_whose_autovacuum_is_off():
    finding = only(facts(replace(WELL, dead=300_000, options={"autovacuum_enabled": "false"})))
    assert (finding.rule, finding.verdict) == ("vacuum.dead_rows", "autovacuum is off")
    assert finding.forward_sql == 'ALTER TABLE "public"."orders" RESET (autovacuum_enabled)'
    assert finding.inverse_sql == 'ALTER TABLE "public"."orders" SET (autovacuum_enabled = \'false\')'
    assert found(facts(replace(WELL, dead=20_000, options={"autovacuum_enabled": "off"}))) == []


def test_a_table_that_autovacuum_cannot_keep_up_with_gets_a_faster_one():
    sick = replace(WELL, dead=700_000)
    grows = past(*({"dead": 300_000 + 100_000 * place, "vacuums": place} for place in range(5)))
    finding = only(facts(sick, past={1: grows}))
    assert finding.verdict == "autovacuum cannot keep up"
    assert "4 times in 4.0 hours" in finding.reasons[0].text
    assert "300,000 to 700,000" in finding.reasons[0].text
    assert finding.forward_sql.endswith("SET (autovacuum_vacuum_cost_limit = '2000')")
    assert finding.inverse_sql.endswith("RESET (autovacuum_vacuum_cost_limit)")


def test_dead_rows_that_somebody_holds_back_name_the_holder_and_no_vacuum():
    sick = replace(WELL, dead=700_000)
    grows = past(*({"dead": 300_000 + 100_000 * place, "vacuums": place} for place in range(5)))
    findings = found(facts(sick, past={1: grows}, holders=(SESSION,)))
    assert [finding.verdict for finding in findings] == ["holds back vacuum", "held back"]
    assert "role app" in findings[1].reasons[0].text
    assert not findings[1].forward_sql
    assert findings[0].queryids == (77,)


def test_a_vacuum_that_is_overdue_is_to_be_run():
    sick = replace(WELL, dead=700_000)
    waits = past({"dead": 500_000}, {"dead": 600_000}, {"dead": 700_000})
    assert only(facts(sick, past={1: waits})).forward_sql == 'VACUUM "public"."orders"'


def test_dead_rows_that_came_a_moment_ago_are_no_fault():
    assert found(facts(replace(WELL, dead=700_000), past={1: past({"dead": 5_000}, {"dead": 700_000})})) == []


def test_a_large_table_is_vacuumed_too_late():
    large = replace(WELL, rows=50_000_000, live=50_000_000, dead=7_000_000, pages=2_000_000, row_width=250.0)
    finding = only(facts(large))
    assert finding.verdict == "vacuumed too late"
    assert finding.forward_sql.endswith("SET (autovacuum_vacuum_scale_factor = '0.02')")
    small = {"autovacuum_vacuum_scale_factor": "0.02"}
    assert found(facts(replace(large, options=small, dead=900_000))) == []


# --- who holds back ---


@pytest.mark.parametrize(
    "holder",
    [
        SESSION,
        Holder("prepared transaction", "tx1", "app", "prepared", None, 20_000, 400.0),
        Holder("prepared transaction", "tx1", "app", "prepared", None, 3, 86_400.0),
        Holder("slot", "standby1", "", "inactive", None, 200_000, None),
        Holder("slot for the catalog", "decoder", "", "active", None, 2_000_000, None),
        Holder("standby", "replica", "rep", "active", 12, 2_000_000, None),
    ],
)
def test_who_holds_back_vacuum_is_named(holder: Holder):
    finding = only(facts(holders=(holder,)))
    assert (finding.rule, finding.verdict) == ("vacuum.horizon", "holds back vacuum")
    assert holder.name in finding.object
    assert f"{holder.xids:,}" in finding.title


@pytest.mark.parametrize(
    "holder",
    [
        replace(SESSION, seconds=30.0),
        replace(SESSION, xids=50),
        Holder("prepared transaction", "tx1", "app", "prepared", None, 50_000, 2.0),
        Holder("slot", "standby1", "", "active", 12, 50_000, None),
        Holder("standby", "replica", "rep", "active", 12, 50_000, None),
    ],
)
def test_who_holds_back_little_is_left_alone(holder: Holder):
    assert found(facts(holders=(holder,))) == []


def test_a_finding_of_a_session_stays_the_same_over_its_process():
    one, other = (only(facts(holders=(replace(SESSION, pid=pid),))) for pid in (1, 2))
    assert one.id == other.id


def test_a_hostile_name_is_made_safe():
    evil = only(facts(holders=(replace(SESSION, name="a\x1b[31m\nb"),)))
    assert "\x1b" not in evil.title
    assert "\n" not in evil.object


# --- freezing ---


def test_a_freeze_that_is_overdue_has_a_day():
    ages = past(*({"xid_age": 300_000_000 + 6_000_000 * place} for place in range(5)))
    old = replace(WELL, xid_age=324_000_000)
    finding = only(facts(old, past={1: ages}))
    # (2^31 - 3 million - 324 million) / 6 million an hour = 303 hours = 12.6 days.
    assert finding.rule == "vacuum.freeze_age"
    assert "2026-06-10" in finding.title
    assert finding.forward_sql == 'VACUUM (FREEZE) "public"."orders"'
    assert {each.name: round(each.value) for each in finding.impact}["hours_left"] == 303
    assert found(facts(replace(old, xid_age=205_000_000), past={1: ages})) == []


def test_the_pace_of_transactions_is_that_of_the_table_nobody_froze():
    quiet = past(*({"xid_age": 10_000 * place} for place in range(4)))
    frozen = past({"xid_age": 500_000}, {"xid_age": 510_000}, {"xid_age": 50}, {"xid_age": 10_050})
    assert xids_per_hour(facts(past={1: quiet, 2: frozen})) == 10_000
    assert xids_per_hour(facts(past={1: quiet[:1]})) is None


def test_multixacts_and_other_databases():
    multi = only(facts(replace(WELL, multixact_age=900_000_000)))
    assert multi.rule == "vacuum.multixact_age"
    assert "2026" not in multi.title
    other = only(facts(databases=(Database("shop", 9, 9, True), Database("old", 1_900_000_000, 9))))
    assert other.object == 'database "old"'
    assert not other.forward_sql
    assert other.reasons[-1].code == "other_database"
    assert other.cost > multi.cost / 10


def test_what_holds_back_also_forbids_freezing():
    finding = found(facts(replace(WELL, xid_age=900_000_000), holders=(SESSION,)))[0]
    assert finding.reasons[0].code == "held_back"
    assert not finding.forward_sql


# --- statistics ---


def test_missing_statistics():
    never = replace(WELL, known_columns=0, last_analyze=None, analyzes=0)
    finding = only(facts(never))
    assert (finding.rule, finding.forward_sql) == ("statistics.missing", 'ANALYZE "public"."orders"')
    assert found(facts(replace(never, rows=500, live=500, row_width=None))) == []


def test_without_a_look_at_statistics_a_crashs_empty_counters_do_not_make_them_missing():
    unseen = replace(WELL, known_columns=None, last_analyze=None, analyzes=0, row_width=None)
    assert found(facts(unseen)) == []
    never = replace(unseen, rows=-1.0, modified=0)
    assert only(facts(never)).rule == "statistics.missing"
    assert found(facts(never, past={1: past({"analyzed": True}, {})})) == []


def test_a_partitioned_parent_is_never_analyzed_by_autovacuum():
    parent = Table(2, "public", "events", "p", rows=-1.0, columns=3, known_columns=0, has_children=True)
    assert only(facts(parent)).reasons[0].code == "partitioned_parent"
    assert found(facts(replace(parent, known_columns=3))) == []
    assert found(facts(replace(parent, has_children=False))) == []


def test_stale_statistics():
    assert only(facts(replace(WELL, modified=400_000))).verdict == "stale statistics"
    assert found(facts(replace(WELL, modified=150_000))) == []


# --- updates, bloat ---


def test_pages_too_full_for_updates():
    finding = only(facts(replace(WELL, hot_updates=30_000, new_page_updates=60_000)))
    assert finding.forward_sql.endswith("SET (fillfactor = '85')")
    assert finding.inverse_sql.endswith("RESET (fillfactor)")


@pytest.mark.parametrize(
    "changed",
    [
        {"hot_updates": 30_000, "new_page_updates": 5_000},  # an indexed column is updated: room would not help
        {"hot_updates": 30_000, "new_page_updates": None},  # before 16
        {"hot_updates": 30_000, "new_page_updates": 60_000, "options": {"fillfactor": "80"}},
        {"updates": 500, "hot_updates": 10, "new_page_updates": 400},
    ],
)
def test_updates_that_a_fillfactor_does_not_help(changed: dict[str, object]):
    assert found(facts(replace(WELL, **changed))) == []  # type: ignore[arg-type]


def test_bloat():
    finding = only(facts(replace(WELL, pages=80_000)))
    assert finding.verdict == "bloated (estimate)"
    assert not finding.forward_sql
    assert found(facts(replace(WELL, pages=80_000, row_width=None))) == []
    assert found(facts(replace(WELL, pages=25_000))) == []


# --- sequences ---

NARROW = Sequence(
    "public", "orders_id_seq", "bigint", 1, 2**63 - 1, 1, 1, False, 1_900_000_000, '"public"."orders"', 1, "id",
    "integer", 2**31 - 1,
)  # fmt: skip


def test_the_narrower_of_sequence_and_column_ends_it():
    finding = only(facts(sequences=(NARROW,)))
    assert finding.reasons[0].code == "column_ends"
    assert f"{2**31 - 1 - 1_900_000_000:,} are left" in finding.title
    sequence = replace(NARROW, maximum=2**31 - 1, type_name="integer", column_type="bigint", column_maximum=2**63 - 1)
    assert only(facts(sequences=(sequence,))).reasons[0].code == "sequence_ends"


def test_a_sequence_has_the_day_of_its_end_by_the_rows_inserted():
    inserts = past(*({"inserts": 1_000_000 * place} for place in range(5)))
    finding = only(facts(past={1: inserts}, sequences=(NARROW,)))
    assert per_hour(inserts, lambda each: each.inserts) == 1_000_000
    # 247 million numbers at a million an hour: ten days.
    assert "2026-06-08" in finding.title


@pytest.mark.parametrize(
    "sequence",
    [
        replace(NARROW, last=1_000_000),
        replace(NARROW, last=None),
        replace(NARROW, column_maximum=2**63 - 1),
        replace(NARROW, cycles=True, maximum=2_000_000_000, column_maximum=2**31 - 1),
    ],
)
def test_sequences_with_room(sequence: Sequence):
    assert found(facts(sequences=(sequence,))) == []


def test_a_falling_sequence_ends_at_its_minimum():
    falling = Sequence("public", "down", "integer", -(2**31), -1, -1, -1, False, -2_000_000_000)
    assert "147,483,648 are left" in only(facts(sequences=(falling,))).title
