"""Constants, numbers of dates, distributions and combinations: the pieces that values are drawn with."""

from __future__ import annotations

from random import Random

import psycopg
import pytest

from optischema_tui.core.advise.values.combine import combinations
from optischema_tui.core.advise.values.distribution import Distribution, of_column
from optischema_tui.core.advise.values.literal import (
    filled,
    like_escaped,
    parameters,
    quoted,
    quoted_array,
    squashed,
    with_unit,
)
from optischema_tui.core.advise.values.scale import interval, scale_of
from optischema_tui.core.advise.values.slots import Filled, Option, Slot
from optischema_tui.core.models import ColumnFacts
from optischema_tui.core.workload.lexer import significant

HOSTILE = (
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "'; DROP TABLE users; --",
    "a\nb",
    "$1",
    "$$",
    "E'x",
    "/* -- */",
    '"',
    "{",
    '{"a,b"}',
    "NULL",
    "null",
    "%_\\",
    " ",
    "\t\r\n",
    "\u202eäöü\U0001f600",
    "\x01\x7f",
)


@pytest.mark.parametrize("standard", ["on", "off"])
def test_a_constant_is_read_as_the_value_it_was(server, standard):
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"SET standard_conforming_strings = {standard}".encode())
        session.execute("SET escape_string_warning = off")
        for value in HOSTILE:
            assert session.execute(f"SELECT {quoted(value)}".encode()).fetchone() == (value,)
        array = session.execute(f"SELECT {quoted_array(HOSTILE)}::text[]".encode()).fetchone()
        assert array == (list(HOSTILE),)
        for value in HOSTILE:
            pattern = quoted(like_escaped(value))
            row = session.execute(f"SELECT {quoted(value)} LIKE {pattern}, 'other' LIKE {pattern}".encode()).fetchone()
            assert row == (True, False)


def test_constants_change_nothing_but_their_parameters():
    random = Random(7)
    texts = (
        "SELECT $1, '$2', \"$3\" -- $4\n, /* $5 */ $6::text FROM t WHERE u&$7 AND a=$8AND b IN($9,$10)",
        "SELECT E'\\'$1', $$ $2 $$, x$3, $4 FROM t WHERE date $5 < ANY($6)",
    )
    for text in texts:
        for _ in range(200):
            chosen = {number: quoted(random.choice(HOSTILE)) for number in parameters(text) if random.random() < 0.7}
            result = filled(text, chosen)
            kinds = [token.kind for token in significant(text)]
            there = list(significant(result))
            assert len(there) == len(kinds)
            for before, after in zip(significant(text), there, strict=True):
                if before.kind == "param" and int(before.text[1:]) in chosen:
                    assert (after.kind, after.text) == ("string", chosen[int(before.text[1:])])
                elif before.kind != "param":
                    assert after.text == before.text
            assert parameters(result) == set(range(1, len(parameters(text) - chosen.keys()) + 1))


def test_parameters_move_up_into_the_gaps():
    text = "SELECT $2, $1 WHERE a = $3 OR b = $2 OR c = $10"
    assert filled(text, {1: "'x'", 3: "'y'"}) == "SELECT $1, 'x' WHERE a = 'y' OR b = $1 OR c = $2"
    assert filled(text, {}) == "SELECT $2, $1 WHERE a = $3 OR b = $2 OR c = $4"
    assert squashed("a IN ($1 /*, ... */) AND b = $2 AND c IN ($3 /*, ... */)") == {1, 3}
    assert with_unit("now() - interval $1 day + interval $2 AND $3 = month") == {1}


def test_dates_are_numbers_as_the_server_counts_them(server):
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("SET timezone = 'Asia/Kolkata'")
        rows = session.execute(
            "SELECT at::text, extract(epoch FROM at) * 1000000, (at AT TIME ZONE 'UTC')::text,"
            " (at AT TIME ZONE 'UTC')::date::text FROM (SELECT timestamptz '0001-01-01 UTC'"
            " + n * interval '97 days 3 hours 13.123456 seconds' FROM generate_series(0, 12000) n) AS t (at)"
        ).fetchall()
    zoned, moment, date = (
        scale_of(f"{name}") for name in ("timestamp with time zone", "timestamp(6) without time zone", "date")
    )
    for text, micros, in_utc, day in rows:
        number = zoned.number(text)
        assert number == float(micros)
        assert moment.text(moment.number(in_utc)) == in_utc
        assert date.text(date.number(day)) == day
        assert zoned.number(zoned.text(number)) == number


@pytest.mark.parametrize("text", ["infinity", "-infinity", "0044-03-15 BC", "2026-13-01", "", "yesterday"])
def test_what_is_no_date_is_no_number(text):
    assert scale_of("date").number(text) is None


def test_scales_are_known_by_the_types_names():
    assert scale_of("numeric(10,2)").kind == "broken"
    assert scale_of("bigint").kind == "whole"
    assert scale_of("integer[]") is None
    assert scale_of("character varying(10)") is None
    assert scale_of("numeric").number("NaN") is None
    assert interval(90e6) == "90 seconds"


def distribution(common=(), bounds=(), distinct=0.0, type_name="bigint", null_frac=0.0) -> Distribution:
    return Distribution(common, bounds, null_frac=null_frac, distinct=distinct, scale=scale_of(type_name))


def test_quantiles_of_listed_values_and_histogram_together():
    mixed = distribution([("50", 0.5)], [str(n) for n in range(0, 101, 10)], 100)
    assert [mixed.quantile(share) for share in (0.0, 0.1, 0.25, 0.5, 0.74, 0.9, 1.0)] == [
        "0", "20", "50", "50", "50", "80", "100",
    ]  # fmt: skip
    words = distribution([("b", 0.5)], ["a", "c", "d", "e", "f"], 10, "text")
    assert [words.quantile(share) for share in (0.05, 0.3, 0.65, 1.0)] == ["a", "b", "c", "f"]
    half = distribution((), ["0", "100"], 100, null_frac=0.5)
    assert half.quantile(0.5) == "50"


def test_strata_are_levels_of_frequency_with_all_the_weight():
    skewed = distribution([("done", 0.9), ("sent", 0.07), ("paid", 0.025), ("new", 0.005)], (), 4, "text")
    strata = skewed.strata(4, Random(1))
    assert [one.value for one in strata] == ["done", "sent", "paid", "new"]
    assert sum(one.weight for one in strata) == pytest.approx(1.0)
    assert strata[0].weight == pytest.approx(0.5 * 0.9 + 0.5 / 4)
    assert len(skewed.strata(2, Random(1))) == 2
    assert len(skewed.strata(1, Random(1))) == 1

    even = distribution([(str(n), 0.1) for n in range(10)], (), 10)
    assert len(even.strata(4, Random(1))) == 1
    unique = distribution((), [str(n) for n in range(101)], 1e6)
    (one,) = unique.strata(4, Random(1))
    assert not one.listed
    assert one.share == pytest.approx(1e-6)
    assert distribution().strata(4, Random(1)) == ()


def test_several_values_are_different_ones():
    unique = distribution((), [str(n * 100) for n in range(101)], 10_000)
    assert len(set(unique.several(3, Random(1)))) == 3
    assert len(set(unique.several(1000, Random(1)))) > 900
    listed = distribution([("a", 0.5), ("b", 0.3)], ("c", "d"), 4, "text")
    assert set(listed.several(9, Random(1))) == {"a", "b", "c", "d"}


def test_a_key_of_documents_is_counted_in_the_sample():
    documents = tuple(f'{{"lang": "{"fr" if n % 4 == 0 else "de"}", "n": {n}, "deep": {{"x": 1}}}}' for n in range(100))
    column = ColumnFacts("prefs", "jsonb", False, n_distinct=-1.0, histogram_bounds=documents)
    assert dict(of_column(column, 1e4, "->>lang").common) == pytest.approx({"de": 0.75, "fr": 0.25})
    assert len(of_column(column, 1e4, "->>n").bounds) == 100
    assert not of_column(column, 1e4, "->>deep").known
    assert not of_column(column, 1e4, "->>gone").known


def slot(*weights: float) -> Slot:
    options = tuple(
        Option(weight, 0.0, lambda size, at=at: Filled({}, str(at), 1.0)) for at, weight in enumerate(weights)
    )
    return Slot((1,), options)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 8])
def test_combinations_show_each_option_and_keep_its_weight(most):
    slots = [slot(0.6, 0.2, 0.1, 0.1), slot(0.5, 0.5), slot(1.0)]
    for seed in range(20):
        found = combinations(slots, most, Random(seed))
        assert 1 <= len(found) <= most
        assert sum(each.weight for each in found) == pytest.approx(1.0)
        if most >= 4:
            for at, each in enumerate(slots):
                for option in each.options:
                    weight = sum(one.weight for one in found if one.options[at] is option)
                    assert weight == pytest.approx(option.weight, abs=0.15)


def test_ranks_of_values_do_not_go_together():
    even = (0.25, 0.25, 0.25, 0.25)
    pairs = [
        [
            tuple(option.make(0).words for option in each.options)
            for each in combinations([slot(*even), slot(*even)], 4, Random(seed))
        ]
        for seed in range(10)
    ]
    assert any(first != second for found in pairs for first, second in found)
    assert len({tuple(found) for found in pairs}) > 3
