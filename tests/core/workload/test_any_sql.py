"""The whole of PostgreSQL's SQL, and what only looks like it, through everything that reads a statement's text."""

from __future__ import annotations

import gc
import random
import re
import time
from collections.abc import Callable

import pytest
from wcwidth import wcwidth

from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
)
from optischema_tui.core.safe_text import one_line, redact
from optischema_tui.core.target.planable import highest_parameter, planable
from optischema_tui.core.workload.filter import CATALOG, MAINTENANCE, OURS, REASONS, classify, reads_catalog_only
from optischema_tui.core.workload.fingerprint import fingerprint
from optischema_tui.core.workload.lexer import significant, tokens
from optischema_tui.core.workload.picture import build_picture
from optischema_tui.core.workload.row_limit import with_limit
from tests.core.workload.any_sql import BREAKERS, Sql, broken

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def read_every_way(text: str) -> None:
    assert "".join(token.text for token in tokens(text)) == text
    assert classify(text) in ("", OURS, CATALOG, MAINTENANCE)
    reads_catalog_only(text)
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(text))
    line = one_line(text, 80)
    assert not UNSAFE.search(line)
    assert sum(max(0, wcwidth(character)) for character in line) <= 80
    assert isinstance(with_limit(text, 3.5), str)
    assert isinstance(planable(text), str)
    assert highest_parameter(text) >= 0
    redact(text)


def through(seeds: range) -> None:
    for seed in seeds:
        whole = Sql(seed, seed, parameters=seed % 3 == 0).statement()
        read_every_way(whole)
        read_every_way(broken(whole, random.Random(seed)))
        assert fingerprint(whole) == fingerprint(Sql(seed, seed + 1, parameters=seed % 3 == 0).statement()), whole
        assert fingerprint(whole) == fingerprint("\n".join(token.text for token in significant(whole))), whole


def test_some_statements() -> None:
    through(range(150))


@pytest.mark.deep
@pytest.mark.parametrize("start", range(0, 10_000, 1000))
def test_ten_thousand_statements(start: int) -> None:
    through(range(start, start + 1000))


def test_a_breaker_alone_and_many_of_them() -> None:
    for piece in BREAKERS:
        for count in (1, 2, 500):
            read_every_way(piece * count)
            read_every_way("SELECT a FROM pg_class WHERE b = $1 " + piece * count)


READERS: dict[str, Callable[[str], object]] = {
    "classify": classify,
    "catalog": lambda text: reads_catalog_only(text[:32_768]),
    "fingerprint": fingerprint,
    "one_line": one_line,
    "with_limit": lambda text: with_limit(text, 3.5),
    "planable": planable,
    "redact": redact,
}
HOSTILE = (
    *BREAKERS, "/**/",
    "-- \n", "$1 ", "$1, ", "count(", "sum(case ", "sum(case when $1 then ", "IN ($1, ",
    "VALUES ($1), ",
    "values (", ") as ", "x as (", "SELECT pg_", "from (", "interval $1 day ",
    "numeric(1,", ") $1 ", "extract($1 from ",
    "limit $1 ", "json_build_array($1,", "with a as (", "from pg_class, ", "a.", "::a ", "- ", "password=",
    "password '",
    "://a:", "eyJ", "-----BEGIN PRIVATE KEY-----", "case when ", "between $1 and ", "\n",
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_the_time_grows_with_the_length_and_not_with_its_square(reader: str) -> None:
    read = READERS[reader]
    for piece in HOSTILE:
        short, long = (("SELECT pg_x, $1 " + piece * 20_000)[:size] for size in (2_000, 16_000))
        if _seconds(read, long) > 0.03:  # a millisecond or so for each thousand characters is the rule
            ratio = min(_seconds(read, long) / max(_seconds(read, short), 1e-4) for _ in range(3))
            assert ratio < 24, f"{piece!r}: 8 times the length takes {ratio:.0f} times as long"


def _seconds(read: Callable[[str], object], text: str) -> float:
    gc.disable()  # else a collection of all that other tests have left behind is counted, the longer text the more
    try:
        begun = time.process_time()
        read(text)
        return time.process_time() - begun
    finally:
        gc.enable()


@pytest.mark.deep
def test_a_megabyte() -> None:
    for seed in range(12):
        pieces, size = [], 0
        while size < 1_000_000:
            pieces.append(Sql(seed + size, parameters=seed % 2 == 0).query())
            size += len(pieces[-1]) + 11
        text = " UNION ALL ".join(pieces)
        for name, read in READERS.items():
            assert min(_seconds(read, text) for _ in range(2)) < 1.0, name


TARGET = TargetIdentity("sys", 5, "shop", 180000)


def snapshot(samples: list[StatementSample], number: int, unreadable: int) -> Snapshot:
    return Snapshot(
        TARGET, Epoch("sys", 1.0, 2.0, 180000, "1.12"), 1e9 + number, 50.0 + number, 2e9 + number, tuple(samples),
        DatabaseCounters(), Activity(), unreadable=unreadable,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_every_queryid_is_accounted_for(seed: int) -> None:
    chance = random.Random(seed)
    texts: dict[StatementKey, StatementText] = {}
    before, after = [], []
    for number in range(300):
        key = StatementKey(10, chance.choice((5, 5, 5, 6)), number, chance.random() < 0.9)
        text = Sql(1000 * seed + number, parameters=True).statement()
        text = broken(text, chance) if chance.random() < 0.3 else text
        if chance.random() < 0.9:
            role = chance.choice(("app", "app", "rdsadmin", "cloudsqladmin", ""))
            texts[key] = StatementText(key, text, role=role, database=chance.choice(("shop", "azure_maintenance")))
        sample = StatementSample(key, calls=5, total_exec_time=chance.random() * 1000)
        before.append(sample)
        more = chance.choice((0, 1, 7))
        after.append(
            StatementSample(key, calls=5 + more, total_exec_time=sample.total_exec_time + more * chance.random())
        )
    shown = frozenset(chance.sample(REASONS, chance.randrange(len(REASONS))))
    for previous in (None, snapshot(before, 1, 4)):
        picture = build_picture(previous, snapshot(after, 11, 4), texts, (), shown)
        assert len(picture.rows) + sum(one.statements for one in picture.hidden) == 300
        assert picture.statements == 304
        assert not {one.reason for one in picture.hidden} & shown
        assert len({row.key for row in picture.rows}) == len(picture.rows)
        visible = sum(row.share for row in picture.rows if row.key.toplevel)
        assert visible + sum(one.share for one in picture.hidden) == pytest.approx(1.0)
        assert picture.rest_share == 0.0
