"""A schema with everything in it, in a target of the lab's own version and in one that has ICU."""

from __future__ import annotations

import psycopg
from servers import hard_schema

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.statement import WorkloadStatement


def test_everything_is_carried_over(fresh_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        hard_schema.load(session)
        with Lab.build(read_image(session), binaries) as lab:
            assert lab.not_modelled == (
                "row security policies of app.secret: plans ignore them",
                "text ranges in the collations german: row estimates of < and > are rough",
            )
            compared = compare(session, lab, hard_schema.statements(session.info.server_version))
    assert len(compared) >= 90
    assert [(c.sql, c.error) for c in compared if c.error] == []
    assert [c.sql for c in compared if not c.same_shape or c.cost_error > 0.001] == []


ICU = """
CREATE COLLATION english (provider = icu, locale = 'en');
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN name_en AS text COLLATE english;
CREATE TABLE word (
    id int PRIMARY KEY, en name_en, de text COLLATE "de-x-icu", any_case text COLLATE loose, digest text);
INSERT INTO word SELECT i, 'w' || i, 'd' || i, 'L' || i, md5(i::text) FROM generate_series(1, 5000) i;
CREATE INDEX word_en ON word (en);
CREATE INDEX word_de ON word (de);
CREATE INDEX word_loose ON word (any_case);
CREATE VIEW word_view AS SELECT id, de < 'd3' COLLATE "fr-x-icu" AS early FROM word
"""
STATEMENTS = [
    "SELECT * FROM word WHERE en = 'w77'",
    "SELECT * FROM word WHERE de = 'd77'",
    "SELECT * FROM word WHERE any_case = 'l77'",
    "SELECT * FROM word ORDER BY de LIMIT 3",
    "SELECT * FROM word_view WHERE id = 3",
    "SELECT sha(digest) FROM word WHERE id = 3",
    "SELECT * FROM word WHERE id = 3",
]


def test_icu_collations_and_missing_extensions_have_stubs(fresh_old_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        for sql in ICU.strip().split(";\n"):
            session.execute(sql.encode())
        session.execute("CREATE EXTENSION pgcrypto")
        session.execute(
            "CREATE FUNCTION sha(t text) RETURNS text LANGUAGE sql IMMUTABLE"
            " AS $$SELECT encode(digest(t, 'sha1'), 'hex')$$"
        )
        session.execute("CREATE INDEX word_sha ON word (sha(digest))")
        session.execute("ANALYZE")
        with Lab.build(read_image(session), binaries) as lab:
            notes = "\n".join(lab.not_modelled)
            compared = compare(session, lab, [WorkloadStatement(sql) for sql in STATEMENTS])
    assert "collations de-x-icu, fr-x-icu, english, loose" in notes
    assert "extension pgcrypto: not on this machine" in notes
    assert "index public.word_sha" in notes
    agreed = [c for c in compared if not c.error and c.same_shape and c.cost_error <= 0.01]
    assert [c.sql for c in compared if c not in agreed] == [STATEMENTS[5]]
