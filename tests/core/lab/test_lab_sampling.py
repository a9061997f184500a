"""Statistics of expressions from a sample: near ANALYZE's own, bounded, and only where that is allowed and safe."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.lab.arrays import parse_array
from optischema_tui.core.lab.image import ColumnStatistics
from optischema_tui.core.lab.sample_statistics import Group, Sample, statistics_of
from optischema_tui.core.lab.sampling import TargetSampler
from optischema_tui.core.lab.trust import is_scalar
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.spec import TargetSpec

EXPRESSIONS = ("lower(email)", "prefs ->> 'lang'", "date(at AT TIME ZONE 'UTC')", "zip * 2", "(id % 7)")
SCHEMA = """
CREATE TABLE person (id int, email text, prefs jsonb, at timestamptz, zip int, note text);
INSERT INTO person SELECT i, CASE WHEN i % 10 <> 0 THEN 'User' || (i::bigint * 7919) % 40000 END,
    jsonb_build_object('lang', CASE WHEN i % 100 > 97 THEN 'pl' WHEN i % 100 > 85 THEN 'fr' WHEN i % 100 > 60 THEN 'de'
                                    ELSE 'en' END),
    timestamptz '2024-01-01Z' + i * interval '1 min', (sqrt(i::bigint * 104729 % 1000000))::int, repeat('n', i % 90)
FROM generate_series(1, 300000) i;
ANALYZE person;
CREATE TABLE hidden (id int, secret text);
INSERT INTO hidden SELECT i, 's' || i FROM generate_series(1, 100) i;
CREATE TABLE parts (k int, v text) PARTITION BY LIST (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT i % 3, 'V' || i % 50 FROM generate_series(1, 3000) i;
CREATE TABLE "odd; ""t" ("c'ol ""x" text, plain text);
INSERT INTO "odd; ""t" SELECT E'a\\\\b"{},''' || i % 4, NULL FROM generate_series(1, 400) i;
CREATE TABLE wide (body text);
INSERT INTO wide SELECT repeat('x', 1200) || i FROM generate_series(1, 300) i;
CREATE ROLE {role} LOGIN;
GRANT SELECT ON person TO {role}
"""


@pytest.fixture(scope="module")
def people(server: Cluster) -> Iterator[tuple[TargetSpec, TargetSpec]]:
    """The specs of a superuser and of a role that may read `person` only."""
    name, role = f"people_{secrets.token_hex(4)}", f"reader_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(server.dsn(name), autocommit=True) as session:
        for sql in SCHEMA.replace("{role}", role).strip().split(";\n"):
            session.execute(sql.encode())
    yield _spec(server.dsn(name)), _spec(server.dsn(name, role))
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        session.execute(f"DROP ROLE {role}".encode())


def _spec(dsn: str) -> TargetSpec:
    return resolve(dsn, Config(), allow_changes=False)


def _texts(array: str | None) -> tuple[str, ...]:
    return parse_array(array or "{}")


def test_a_sample_says_what_analyze_would(people: tuple[TargetSpec, TargetSpec]) -> None:
    with TargetSampler(people[1]) as sampler:
        found = sampler.expressions("public", "person", EXPRESSIONS)
        again = sampler.expressions("public", "person", EXPRESSIONS[:2])
        assert sampler.reasons == {}
    assert [again[text] for text in EXPRESSIONS[:2]] == [found[text] for text in EXPRESSIONS[:2]]
    with psycopg.connect(people[0].dsn, autocommit=True) as session:
        for number, text in enumerate(EXPRESSIONS):
            session.execute(f"CREATE INDEX person_{number} ON person (({text}))".encode())
        session.execute("ANALYZE person")
        for number, text in enumerate(EXPRESSIONS):
            row = session.execute(
                "SELECT null_frac, n_distinct, most_common_vals::text, most_common_freqs, correlation"
                " FROM pg_stats WHERE tablename = %s",
                (f"person_{number}",),
            ).fetchone()
            assert row is not None
            _near(found[text], row)
            session.execute(f"DROP INDEX person_{number}".encode())


def _near(ours: ColumnStatistics, theirs: tuple[float, float, str | None, list[float] | None, float]) -> None:
    null_frac, n_distinct, values, freqs, correlation = theirs
    assert ours.null_frac == pytest.approx(null_frac, abs=0.02)
    scale = [300000.0 * -n if n < 0 else n for n in (ours.n_distinct, n_distinct)]
    assert 0.8 < scale[0] / scale[1] < 1.25
    known = dict(zip(_texts(values), freqs or (), strict=True))
    for value, freq in zip(_texts(ours.common_values), map(float, _texts(ours.common_freqs)), strict=True):
        if value in known and known[value] > 0.01:
            assert freq == pytest.approx(known[value], rel=0.2)
    assert {value for value, freq in known.items() if freq > 0.01} <= set(_texts(ours.common_values))
    assert float(ours.correlation or 0) == pytest.approx(correlation, abs=0.1)


def test_a_column_with_another_target(people: tuple[TargetSpec, TargetSpec]) -> None:
    with TargetSampler(people[1]) as sampler:
        coarse, fine = (sampler.column("public", "person", "zip", target) for target in (10, 400))
    assert coarse is not None
    assert fine is not None
    assert len(_texts(coarse.histogram)) == 11
    assert len(_texts(coarse.common_values)) <= 10
    assert len(_texts(fine.histogram)) > 200
    assert (fine.null_frac, fine.n_distinct) == (coarse.null_frac, coarse.n_distinct)


def test_every_kind_of_table_and_value(people: tuple[TargetSpec, TargetSpec]) -> None:
    with TargetSampler(people[0]) as sampler:
        parts = sampler.expressions("public", "parts", ["lower(v)"])["lower(v)"]
        odd = sampler.expressions("public", 'odd; "t', ['lower("c\'ol ""x")'])
        nulls = sampler.column("public", 'odd; "t', "plain", 100)
        wide = sampler.column("public", "wide", "body", 100)
        assert sampler.column("public", "no such", "x", 100) is None
        assert sampler.column("public", "wide", "no such", 100) is None
        assert "there is no such table" in sampler.reasons["public.no such"]
    assert (parts.n_distinct, len(_texts(parts.common_values))) == (50, 50)
    assert set(_texts(next(iter(odd.values())).common_values)) == {f"a\\b\"{{}},'{n}" for n in range(4)}
    assert nulls is not None
    assert (nulls.null_frac, nulls.common_values, nulls.histogram) == (1.0, None, None)
    assert wide is not None
    assert (wide.n_distinct, wide.common_values, wide.histogram) == (-1.0, None, None)
    assert wide.width >= 1200


def test_rights_are_asked_for_first(people: tuple[TargetSpec, TargetSpec]) -> None:
    with TargetSampler(people[1]) as sampler:
        assert sampler.expressions("public", "hidden", ["lower(secret)"]) == {}
        assert "GRANT SELECT" in sampler.reasons["public.hidden"]
        assert sampler.expressions("public", "person", ["lower(email)"])
    with psycopg.connect(people[0].dsn, autocommit=True) as owner:
        owner.execute("ALTER TABLE person ENABLE ROW LEVEL SECURITY")
        with TargetSampler(people[1]) as sampler:
            assert sampler.expressions("public", "person", ["lower(email)"]) == {}
        owner.execute("ALTER TABLE person DISABLE ROW LEVEL SECURITY")


def test_the_work_is_bounded(people: tuple[TargetSpec, TargetSpec]) -> None:
    with psycopg.connect(people[0].dsn, autocommit=True) as session:
        session.execute("SELECT pg_stat_reset()")
        pages = session.execute("SELECT pg_relation_size('person') / 8192").fetchone()
        with TargetSampler(people[0]) as sampler:
            assert sampler.expressions("public", "person", ["lower(email)"])
            slow = sampler.expressions("public", "person", ["length(repeat(repeat(note, 1000), 300))"])
            assert slow == {}
            assert any("statement timeout" in reason for reason in sampler.reasons.values())
            names = session.execute("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
            assert ("optischema-tui sampling",) in names.fetchall()
        assert sampler.expressions("public", "person", ["lower(email)"]) == {}
        assert pages is not None
        assert pages[0] > 2500


def test_a_target_that_is_gone_is_no_error(people: tuple[TargetSpec, TargetSpec]) -> None:
    with TargetSampler(_spec("host=/no/such/place port=1 dbname=x user=y")) as sampler:
        assert sampler.expressions("public", "person", ["lower(email)"]) == {}
        assert sampler.column("public", "person", "zip", 10) is None
        assert "sampling" in sampler.reasons


HOSTILE = """
CREATE SCHEMA bait;
CREATE TABLE bait.done (x int);
CREATE FUNCTION bait.lower(varchar) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''ran''; END';
CREATE FUNCTION bait.plus(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE OPERATOR bait.+ (leftarg = int, rightarg = text, function = bait.plus);
CREATE FUNCTION bait.ok(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''ran''; END';
CREATE DOMAIN bait.trap AS text CHECK (bait.ok(VALUE))
"""


def test_nothing_of_another_role_is_run(fresh_db: str) -> None:
    spec, role = _spec(fresh_db), f"baiter_{secrets.token_hex(4)}"
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE t (name varchar, n int)")
        session.execute("INSERT INTO t SELECT 'N' || i, i FROM generate_series(1, 50) i")
        with TargetSampler(spec) as sampler:
            assert sampler.expressions("public", "t", ["lower(name)", "n + 1"]).keys() == {"lower(name)", "n + 1"}
        session.execute(f"CREATE ROLE {role}; GRANT CREATE ON DATABASE {session.info.dbname} TO {role}".encode())
        session.execute(f"SET ROLE {role}".encode())
        for sql in HOSTILE.strip().split(";\n"):
            session.execute(sql.encode())
        session.execute("RESET ROLE")
        with TargetSampler(spec) as sampler:
            for text in ("lower(name)", "bait.lower(name)", "n + 1", "name::bait.trap", "upper(name::bait.trap)"):
                assert sampler.expressions("public", "t", [text]) == {}, text
                assert "it is not evaluated over rows" in sampler.reasons[text]
            assert sampler.expressions("public", "t", ["upper(name)"])
        session.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


@pytest.mark.parametrize(
    "text",
    [
        "pg_sleep(1)",
        "(SELECT 1)",
        "1) FROM t; DROP TABLE t; SELECT (1",
        "n; SELECT 1",
        "name || '",
        "name -- x",
        "name /* x",
        "$1",
        "random()",
        "count(*)",
        "row_number() OVER ()",
        "generate_series(1, n)",
        "pg_read_file('/etc/passwd')",
        "lo_import('/etc/passwd')",
        "(TABLE t)",
        "E'\\''",
        "",
        "$$x",
        '"name',
    ],
)
def test_what_is_no_harmless_expression_is_refused(fresh_db: str, text: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE t (name varchar, n int)")
        session.execute("INSERT INTO t VALUES ('a', 1)")
        with TargetSampler(_spec(fresh_db)) as sampler:
            assert sampler.expressions("public", "t", [text]) == {}
            assert "it is not evaluated over rows" in sampler.reasons[text]
        assert session.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_is_scalar_lets_usual_expressions_pass() -> None:
    for text in (
        "lower(email)",
        "(doc ->> 'k'::text)",
        "\"odd \"\"n\" || 'it''s'",
        "CASE WHEN a > 1 THEN 2 END",
        "a[1]",
    ):
        assert is_scalar(text), text


def test_the_arithmetic_of_distinct_values() -> None:
    unique = Sample(1000, 50000, 0, 0, 4, [Group(str(n), 1, 1) for n in range(1000)], 332833500.0)
    made = statistics_of(unique, "x", 100)
    assert (made.n_distinct, made.common_values, made.correlation) == (-1.0, None, "1")
    assert len(parse_array(made.histogram or "")) == 101
    few = Sample(1000, 50000, 0, 0, 4, [Group(str(n), 250, 250) for n in range(4)], 0.0)
    made = statistics_of(few, "x", 100)
    assert (made.n_distinct, made.common_freqs, made.histogram) == (4, "{0.25,0.25,0.25,0.25}", None)
    # Duj1: n d / (n - f1 + f1 n / N) with n = 1000, d = 600, f1 = 200, N = 50000
    mixed = [Group(f"a{n}", 2, 2) for n in range(400)] + [Group(f"b{n}", 1, 1) for n in range(200)]
    made = statistics_of(Sample(1000, 50000, 0, 0, 4, mixed, 0.0), "x", 100)
    assert made.n_distinct == round(1000 * 600 / (1000 - 200 + 200 * 1000 / 50000))
    assert statistics_of(Sample(10, 10, 10, 0, 0, [], 0.0), "x", 100).n_distinct == 0.0


def test_values_that_lie_together_are_not_taken_for_common_ones() -> None:
    """600 pages were sampled, each with 50 rows of one day: that a day fills two of them says nothing."""
    together = [Group(f"{n:04}", 100 if n % 3 == 0 else 50, 2 if n % 3 == 0 else 1) for n in range(450)]
    spread = [Group(f"{n:04}", 100 if n % 3 == 0 else 50, 100 if n % 3 == 0 else 50) for n in range(450)]
    assert statistics_of(Sample(30000, 3000000, 0, 0, 4, together, 0.0), "x", 400).common_values is None
    assert statistics_of(Sample(30000, 3000000, 0, 0, 4, spread, 0.0), "x", 400).common_values is not None


def test_elements_of_arrays_and_words_of_texts(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(
            "CREATE TABLE doc AS SELECT i AS id, 'word' || i % 7 || ' common w' || i % 500 AS body,"
            " ARRAY['t' || i % 9, 'all', CASE WHEN i % 4 > 0 THEN 'x' END] AS tags FROM generate_series(1, 20000) i"
        )
        session.execute("CREATE INDEX doc_words ON doc USING gin (to_tsvector('simple', body))")
        session.execute("CREATE INDEX doc_tags ON doc USING gin ((tags || 'more'::text))")
        session.execute("ANALYZE doc")
        with TargetSampler(_spec(fresh_db)) as sampler:
            texts = ("to_tsvector('simple'::regconfig, body)", "(tags || 'more'::text)")
            found = sampler.expressions("public", "doc", texts)
            assert sampler.reasons == {}
        for text, index in zip(texts, ("doc_words", "doc_tags"), strict=True):
            row = session.execute(
                "SELECT most_common_elems::text, most_common_elem_freqs, n_distinct, histogram_bounds::text"
                " FROM pg_stats WHERE tablename = %s",
                (index,),
            ).fetchone()
            assert row is not None
            ours, theirs = found[text], dict(zip(_texts(row[0]), row[1], strict=False))
            assert list(_texts(ours.common_elements))[:8] == list(_texts(row[0]))[:8]
            freqs = dict(zip(_texts(ours.common_elements), map(float, _texts(ours.common_element_freqs)), strict=False))
            assert all(freqs[name] == pytest.approx(share, abs=0.05) for name, share in theirs.items() if share > 0.05)
            assert len(_texts(ours.common_element_freqs)) - len(freqs) == len(row[1]) - len(theirs)
            if index == "doc_words":
                assert (ours.n_distinct, ours.histogram, ours.common_values) == (-1.0, None, None)
