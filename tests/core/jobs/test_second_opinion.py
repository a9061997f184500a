"""HypoPG's word on a recommendation, where the target has the extension and a person asks."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.config import Config
from optischema_tui.core.errors import MissingPart, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.second_opinion import ask, second_opinion
from optischema_tui.core.models import Affected, Evidence, IndexSpec, Recommendation, Risk
from optischema_tui.core.paths import Paths, locate
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.session import identify


@pytest.fixture
def target(fresh_old_db: str) -> str:
    """Conninfo of a database of 40,000 jobs on a server that has HypoPG."""
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        there = session.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hypopg'").fetchone()
        if there is None:
            pytest.skip("no HypoPG for PostgreSQL 15: apt-get install postgresql-15-hypopg")
        session.execute("CREATE EXTENSION hypopg")
        session.execute("CREATE TABLE job AS SELECT i AS id, i % 4000 AS owner FROM generate_series(1, 40000) i")
        session.execute("CREATE INDEX job_id ON job (id)")
        session.execute("VACUUM ANALYZE job")
    return fresh_old_db


def recommendation(
    dsn: str, spec: IndexSpec | None, *texts: str, kind: str = "create_index", name: str = ""
) -> Recommendation:
    with psycopg.connect(dsn, autocommit=True) as session:
        fingerprint = identify(session).fingerprint
    affected = tuple(Affected(number, text, 0.5, 10, 2.0, 100.0, 1.0) for number, text in enumerate(texts))
    evidence = Evidence(affected, 100.0, 1.0, 1.0, 8192, "lab", "high")
    return Recommendation("0123456789ab", fingerprint, kind, "t", "CREATE", "DROP", Risk.LOW, (), evidence, spec, name)


OWNER = IndexSpec("public", "job", ("owner",))


def test_it_says_what_its_planner_says(target: str) -> None:
    spec = resolve(target, Config())
    helped = recommendation(target, OWNER, "SELECT * FROM job WHERE owner = $1", "SELECT * FROM job WHERE owner = 7")
    said = second_opinion(spec, [helped])["0123456789ab"]
    assert said.startswith("HypoPG 1.")
    assert "it would help 2 of 2 texts, cost of a call" in said
    assert "times less" in said
    useless = recommendation(
        target, IndexSpec("public", "job", ("id", "owner")), "SELECT count(*) FROM job WHERE owner > 3"
    )
    assert "it would help none of 1 text" in second_opinion(spec, [useless])["0123456789ab"]
    gin = recommendation(target, IndexSpec("public", "job", ("owner",), method="gin"), "SELECT 1")
    assert "cannot judge it" in second_opinion(spec, [gin])["0123456789ab"]
    gone = recommendation(target, OWNER, "SELECT * FROM gone WHERE x = $1")
    assert "it can plan none of the statements" in second_opinion(spec, [gone])["0123456789ab"]
    drop = recommendation(target, None, "SELECT * FROM job WHERE id = 3", kind="drop_index", name="job_id")
    said = second_opinion(spec, [drop])["0123456789ab"]
    assert "cannot hide an index" in said or "1 of 1 text would get dearer" in said
    with psycopg.connect(target) as session:
        assert session.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'job'").fetchone() == (1,)


def test_it_is_kept_with_the_recommendation(target: str, tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    helped = recommendation(target, OWNER, "SELECT * FROM job WHERE owner = $1")
    with closing(History.open(paths.history_db)) as history:
        history.save_recommendations(helped.target, [helped])
    said = ask(resolve(target, Config()), paths, helped.id)
    with closing(History.open(paths.history_db)) as history:
        assert history.recommendation(helped.id).evidence.second_opinion == said
        assert len(history.recommendations(helped.target)) == 1


def test_without_the_extension_or_elsewhere_it_is_refused(fresh_db: str, target: str) -> None:
    mine = recommendation(fresh_db, OWNER, "SELECT 1")
    with pytest.raises(MissingPart, match="HypoPG"):
        second_opinion(resolve(fresh_db, Config()), [mine])
    with pytest.raises(UsageError, match="not of this target"):
        second_opinion(resolve(target, Config()), [mine])


def _paths(tmp_path: Path) -> Paths:
    return locate(str(tmp_path / "state"), str(tmp_path / "config.toml"))
