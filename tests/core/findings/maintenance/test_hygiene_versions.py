"""The questions of finding faults on every other supported version."""

from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.target.hygiene.rows import ask
from tests.servers.versions import SETTINGS, NoServer, binaries_of

QUESTIONS = (
    "maintenance_tables", "maintenance_databases", "maintenance_settings", "maintenance_moment", "horizon_holders",
    "sequences", "leading_columns",
)  # fmt: skip

pytestmark = pytest.mark.deep


@pytest.mark.parametrize("major", [13, 14, 16, 17])
def test_every_question_is_answered(major: int):
    try:
        binaries = binaries_of(major)
    except NoServer as why:
        pytest.skip(str(why))
    with (
        start_cluster(
            binaries, prefix=f"optischema-h{major}-", settings=SETTINGS, initdb_args=["--no-sync"]
        ) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as session,
        psycopg.connect(cluster.dsn(), application_name="holder") as holder,
    ):
        session.execute("CREATE TABLE t (id serial PRIMARY KEY, a text)")
        session.execute("INSERT INTO t (a) VALUES ('x')")
        session.execute("VACUUM ANALYZE t")
        session.execute("SELECT pg_create_logical_replication_slot('decoder', 'test_decoding')")
        holder.execute("INSERT INTO t (a) VALUES ('y')")
        session.execute("SELECT txid_current()")
        answers = {name: ask(session, name) for name in QUESTIONS}
        (table,) = answers["maintenance_tables"]
        assert (table["rows"], table["known_columns"], table["columns"]) == (1, 2, 2)
        assert (table["n_tup_newpage_upd"] is None) == (major < 16)
        assert [row["name"] for row in answers["horizon_holders"] if row["what"] == "session"] == ["holder"]
        assert [row["name"] for row in answers["horizon_holders"] if row["what"] == "slot for the catalog"] == [
            "decoder"
        ]
        assert [(row["name"], row["column_type"]) for row in answers["sequences"]] == [("t_id_seq", "integer")]
        assert [row["index"] for row in answers["leading_columns"]] == ["t_pkey"]
        assert {"autovacuum", "block_size"} <= {row["name"] for row in answers["maintenance_settings"]}
