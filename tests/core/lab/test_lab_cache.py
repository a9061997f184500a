"""A lab that was kept starts again, follows its target, and is never taken for what it is not."""

from __future__ import annotations

import fcntl
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster import cluster as cluster_module
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.jobs.lab import forget_labs
from optischema_tui.core.lab import cache as cache_module
from optischema_tui.core.lab.build import Parts, build
from optischema_tui.core.lab.cache import LabCache
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.refresh import stale
from optischema_tui.core.paths import Paths

SCHEMA = """
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a * 2';
CREATE TABLE parent (id int PRIMARY KEY, name text, junk int, mood mood);
CREATE TABLE child (id serial PRIMARY KEY, parent_id int REFERENCES parent (id), kind int, code text, note text);
CREATE INDEX child_parent ON child (parent_id);
CREATE INDEX child_kind ON child (kind, code);
CREATE INDEX child_twice ON child (twice(kind));
CREATE STATISTICS child_kinds (ndistinct, dependencies, mcv) ON kind, code FROM child;
CREATE STATISTICS parent_moods (mcv) ON mood, name FROM parent;
CREATE TABLE part (at date NOT NULL, k int) PARTITION BY RANGE (at);
CREATE TABLE part_a PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE INDEX part_k ON part (k);
CREATE VIEW seen AS SELECT c.code, p.name FROM child c JOIN parent p ON p.id = c.parent_id;
INSERT INTO parent SELECT i, 'p' || i % 50, i, CASE i % 9 WHEN 0 THEN 'sad'::mood ELSE 'ok' END
FROM generate_series(1, 2000) i;
INSERT INTO child (parent_id, kind, code, note)
SELECT 1 + i % 2000, i % 40, 'c' || i % 40, repeat('n', i % 30) FROM generate_series(1, 30000) i;
INSERT INTO part SELECT date '2024-01-01' + i % 31, i % 100 FROM generate_series(1, 5000) i;
ANALYZE"""
STATEMENTS = (
    "SELECT * FROM child WHERE kind = 3",
    "SELECT * FROM child WHERE kind = 3 AND code = 'c3'",
    "SELECT * FROM child WHERE twice(kind) = 6",
    "SELECT count(DISTINCT note) FROM child WHERE note > 'nnn'",
    "SELECT kind, code, count(*) FROM child GROUP BY kind, code",
    "SELECT * FROM child c JOIN parent p ON p.id = c.parent_id WHERE p.name = 'p7'",
    "SELECT * FROM parent WHERE mood = 'sad' AND name = 'p9'",
    "SELECT * FROM child WHERE id = $1",
    "SELECT * FROM part WHERE at = '2024-01-10' AND k = 5",
    "SELECT * FROM seen ORDER BY code LIMIT 5",
    "SELECT * FROM extra e JOIN child c ON c.id = e.child_id WHERE e.n < 10",
    "SELECT * FROM parent WHERE junk = 7",
    "SELECT * FROM child ORDER BY note, kind LIMIT 20",
)
CHANGES: dict[str, tuple[str, str]] = {
    "statistics and growth": (
        "refreshed",
        "UPDATE child SET kind = 3 WHERE id % 3 = 0; UPDATE child SET note = NULL; ANALYZE child;"
        " INSERT INTO parent (id, name) SELECT i, 'new' FROM generate_series(3000, 9000) i",
    ),
    "indexes and statistics objects": (
        "refreshed",
        "DROP INDEX child_kind; CREATE INDEX child_note ON child (note, kind); DROP INDEX child_twice;"
        " CREATE INDEX child_twice ON child (twice(kind), id); DROP STATISTICS parent_moods;"
        " CREATE STATISTICS child_more ON parent_id, kind FROM child; ANALYZE child",
    ),
    "tables, partitions and settings": (
        "refreshed",
        "CREATE TABLE extra (id serial PRIMARY KEY, child_id int REFERENCES child, n int);"
        " INSERT INTO extra (child_id, n) SELECT i, i FROM generate_series(1, 4000) i;"
        " CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2024-02-01') TO ('2024-03-01'); ANALYZE extra;"
        " SET random_page_cost = 1.1; SET search_path = public, pg_temp",
    ),
    "a dropped column": ("built", "ALTER TABLE parent DROP COLUMN junk; ANALYZE parent"),
    "a dropped table": ("refreshed", "DROP TABLE part_b"),
    "a label": ("built", "ALTER TYPE mood ADD VALUE 'glad' BEFORE 'sad'"),
    "fewer rows": ("refreshed", "DELETE FROM child WHERE id > 9000; VACUUM ANALYZE child"),
    "an index of every partition": ("built", "CREATE INDEX part_at ON part (at)"),
    "less statistics": (
        "refreshed",
        "ALTER TABLE child ALTER kind SET STATISTICS 0, ALTER code SET STATISTICS 10;"
        " DELETE FROM pg_statistic WHERE starelid = 'child'::regclass; ANALYZE child",
    ),
}
IN_EVERY_RUN = ("statistics and growth", "indexes and statistics objects", "a dropped column")


@pytest.fixture
def target(fresh_db: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA.encode())
        yield session


@pytest.fixture
def cache(tmp_path: Path) -> LabCache:
    return LabCache(tmp_path / "labs")


@contextmanager
def built(image: Image, binaries: Binaries, cache: LabCache | None) -> Iterator[Parts]:
    parts = build(image, binaries, lambda what, fraction: None, cache, "target")
    try:
        yield parts
    finally:
        for session in (parts.admin, parts.builder, parts.planner):
            session.close()
        parts.cluster.stop()


def plans(parts: Parts) -> list[Any]:
    """What the lab answers, whole; an error where it has one."""
    found: list[Any] = []
    for statement in STATEMENTS:
        how = "GENERIC_PLAN, VERBOSE, FORMAT JSON" if "$1" in statement else "VERBOSE, FORMAT JSON"
        try:
            found.append(parts.planner.execute(f"EXPLAIN ({how}) {statement}".encode()).fetchone())
        except psycopg.Error as error:
            found.append(error.diag.message_primary)
    return found


def entries(cache: LabCache, kind: str = "lab-") -> list[Path]:
    return sorted(cache.directory.glob(f"{kind}*.pack"))


def test_a_second_start_takes_the_kept_lab(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache
) -> None:
    image = read_image(target)
    with built(image, binaries, cache) as first:
        before = plans(first)
        assert first.origin == "built"
    with built(image, binaries, cache) as second:
        assert (second.origin, second.not_modelled, cache.problem) == ("reused", first.not_modelled, "")
        assert plans(second) == before
        assert second.cluster.socket_dir.stat().st_mode & 0o777 == 0o700
    assert cache.directory.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in cache.directory.iterdir()] == [0o600] * 3
    with built(image, binaries, None) as without:
        assert plans(without) == before


def follow(
    names: tuple[str, ...], target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache, plain: LabCache
) -> None:
    """Change by change: the lab from the cache answers as one that is built anew does, word for word."""
    with built(read_image(target), binaries, cache):
        pass
    for name in names:
        expected, sql = CHANGES[name]
        for statement in sql.split(";"):
            target.execute(statement.encode())
        image = read_image(target)
        with built(image, binaries, cache) as followed, built(image, binaries, plain) as anew:
            assert (name, followed.origin, anew.origin) == (name, expected, "built")
            assert plans(followed) == plans(anew), name
            assert set(followed.not_modelled) == set(anew.not_modelled), name
        for path in entries(plain):
            path.unlink()


def test_a_kept_lab_follows_its_target(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache, tmp_path: Path
) -> None:
    follow(IN_EVERY_RUN, target, binaries, cache, LabCache(tmp_path / "plain"))


@pytest.mark.deep
@pytest.mark.parametrize("turn", range(6))
def test_a_kept_lab_follows_any_order_of_changes(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache, tmp_path: Path, turn: int
) -> None:
    names = list(CHANGES)
    later = names[turn:] + names[:turn]
    if later.index("a dropped table") < later.index("tables, partitions and settings"):
        later.remove("a dropped table")
        later.append("a dropped table")
    follow(tuple(later), target, binaries, cache, LabCache(tmp_path / "plain"))


@pytest.mark.parametrize("harm", ["changed", "template"])
def test_a_damaged_lab_is_built_anew(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache, harm: str
) -> None:
    image = read_image(target)
    with built(image, binaries, cache) as first:
        before = plans(first)
    path = entries(cache)[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    if harm == "template":
        template = entries(cache, "template-")[0]
        template.write_bytes(template.read_bytes()[:-1])
    with built(image, binaries, cache) as second:
        assert second.origin == "built"
        assert plans(second) == before
    assert "damaged" in cache.problem
    with built(image, binaries, cache) as third:
        assert third.origin == "reused"


def test_what_could_not_be_modelled_is_told_by_a_kept_lab_too(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache
) -> None:
    target.execute("CREATE AGGREGATE own_sum(int) (sfunc = int4pl, stype = int)")
    target.execute("CREATE VIEW summed AS SELECT own_sum(kind) FROM child")
    with built(read_image(target), binaries, cache) as first:
        assert any("public.summed" in note for note in first.not_modelled)
    target.execute("UPDATE child SET kind = 1; ANALYZE child")
    with built(read_image(target), binaries, cache) as followed:
        assert (followed.origin, set(followed.not_modelled)) == ("refreshed", set(first.not_modelled))
    target.execute("CREATE INDEX child_new ON child (note)")
    with built(read_image(target), binaries, cache) as anew:
        assert (anew.origin, anew.not_modelled) == ("built", first.not_modelled)


def test_hostile_functions_reach_nothing_from_a_kept_lab(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache
) -> None:
    target.execute(
        "CREATE FUNCTION climbs() RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN PERFORM set_config('role', 'postgres', false); RETURN current_user; END$$;"
        "CREATE FUNCTION reads() RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN RETURN pg_read_file('/etc/passwd'); END$$"
    )
    image = read_image(target)
    for origin in ("built", "reused"):
        with built(image, binaries, cache) as parts:
            assert parts.origin == origin
            for function in ("climbs", "reads"):
                with pytest.raises(psycopg.Error, match="permission denied"):
                    parts.planner.execute(f"EXPLAIN SELECT * FROM parent WHERE name = {function}()".encode())
            for session in (parts.planner, parts.builder):
                row = session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
                assert row == (False,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else: run as root")
def test_a_kept_lab_of_root_without_user_namespaces(
    target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cluster_module._works([str(binaries.postgres), "--version"], cluster_module.NOBODY):
        pytest.skip("the user nobody cannot read the server's programs here: install postgresql-18")
    monkeypatch.setattr(cluster_module, "AS_NOBODY_INSIDE", ("false",))
    cluster_module._how_to_run.cache_clear()
    try:
        for origin in ("built", "reused"):
            with built(read_image(target), binaries, cache) as parts:
                assert (parts.origin, cache.problem) == (origin, "")
                assert parts.cluster.data_dir.stat().st_uid == cluster_module.NOBODY
                assert len(plans(parts)) == len(STATEMENTS)
    finally:
        cluster_module._how_to_run.cache_clear()


def test_two_programs_at_once(target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache) -> None:
    image = read_image(target)
    found: list[list[Any]] = []

    def work() -> None:
        with built(image, binaries, LabCache(cache.directory)) as parts:
            found.append(plans(parts))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert len(entries(cache)) == 1
    assert not list(cache.directory.glob("*.part"))


def test_a_busy_cache_is_left_alone(target: psycopg.Connection[Any], binaries: Binaries, cache: LabCache) -> None:
    cache.directory.mkdir(mode=0o700)
    with open(cache.directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with built(read_image(target), binaries, cache) as parts:
            assert parts.origin == "built"
    assert "Another program" in cache.problem
    assert not entries(cache)


# -- the cache by itself ------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Callable[[int], Path]:
    """`data(size)`: a directory with one file of so many bytes."""

    def make(size: int) -> Path:
        made = tmp_path / f"data{size}"
        made.mkdir()
        (made / "file").write_bytes(b"\1" * size)
        return made

    return make


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, data: Callable[[int], Path]) -> None:
    cache = LabCache(tmp_path / "labs", max_bytes=3_000_000, least_free=0)
    million = data(1_000_000)
    assert [cache.keep(name, million, name) for name in ("a", "b")] == [True, True]
    with cache.entry("a") as found:
        assert found is not None
        assert found[1] == "a"
    assert cache.keep("c", million, "c")
    assert [path.stem for path in entries(cache, "")] == ["a", "c"]
    assert not cache.keep("d", data(3_100_000), "d")
    assert "larger than the cache" in cache.problem
    assert [path.stem for path in entries(cache, "")] == ["a", "c"]


def test_a_disk_that_fills_up_keeps_nothing_and_says_so(
    tmp_path: Path, data: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = LabCache(tmp_path / "labs", least_free=0)
    large = data(4_000_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        assert not cache.keep("a", large, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written: File too large" in cache.problem
    full = cache_module.shutil.disk_usage(tmp_path)._replace(free=3_000_000)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda path: full)
    assert not cache.keep("a", large, None)
    assert "too little free space" in cache.problem
    assert [path.name for path in cache.directory.iterdir()] == ["lock"]


def test_what_a_killed_program_left_is_cleared_away(tmp_path: Path, data: Callable[[int], Path]) -> None:
    cache = LabCache(tmp_path / "labs", least_free=0)
    cache.directory.mkdir(mode=0o700)
    (cache.directory / "a.part").write_bytes(b"half")
    with cache.entry("a") as found:
        assert found is None
    assert cache.keep("b", data(10), None)
    assert sorted(path.name for path in cache.directory.iterdir()) == ["b.pack", "lock"]


def test_a_directory_that_others_may_enter_is_not_used(tmp_path: Path, data: Callable[[int], Path]) -> None:
    cache = LabCache(tmp_path / "labs", least_free=0)
    cache.directory.mkdir(mode=0o755)
    assert not cache.keep("a", data(10), None)
    assert "must belong to you alone" in cache.problem
    cache.directory.chmod(0o700)
    assert cache.keep("a", data(11), None)
    cache.directory.chmod(0o750)
    with cache.entry("a") as found:
        assert found is None


def test_a_cache_that_cannot_be_is_no_error(tmp_path: Path, data: Callable[[int], Path]) -> None:
    (tmp_path / "file").touch()
    cache = LabCache(tmp_path / "file" / "labs")
    with cache.entry("a") as found:
        assert found is None
    assert not cache.keep("a", data(10), None)
    assert "cannot be written" in cache.problem


def test_kept_labs_are_forgotten_on_request(tmp_path: Path, data: Callable[[int], Path]) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "cache", keep_labs=False)
    assert forget_labs(paths) == 0
    cache = LabCache(tmp_path / "cache" / "labs", least_free=0)
    assert cache.keep("a", data(100_000), None)
    assert forget_labs(paths) > 100_000
    assert not entries(cache, "")


# -- while a lab is open ------------------------------------------------------------------------------------------


def test_a_lab_that_no_longer_stands_for_its_target_says_why(target: psycopg.Connection[Any]) -> None:
    before = read_image(target)
    assert stale(before, read_image(target)) == ""
    target.execute("INSERT INTO child (kind) SELECT 1 FROM generate_series(1, 30000)")
    assert "sizes changed (public.child" in stale(before, read_image(target))
    target.execute("ANALYZE child")
    assert "statistics were renewed (public.child" in stale(before, read_image(target))
    target.execute("CREATE INDEX child_new ON child (note)")
    assert "the schema changed (index public.child_new)" in stale(before, read_image(target))
    target.execute("SET random_page_cost = 1")
    assert "planner settings changed" in stale(before, read_image(target))
    target.execute("ALTER TABLE child ADD COLUMN x int")
    assert stale(before, read_image(target)) == "public.child changed"
