"""Over random schemas: drop and roll back, create and roll back, give every index back byte for byte."""

from __future__ import annotations

import random
from typing import Any

import pytest

from optischema_tui.core.change.kinds.words import literal
from optischema_tui.core.models import ChangeState, quote
from tests.core.change.kinds.of_indexes import indexes
from tests.core.change.kinds.of_tables import applied, undone

Bench = Any
"""See conftest of core/change."""

NAMES = ("plain", "Mixed Case", 'with "quotes"', "ünïcode", "select", "semi;colon--", "100%s", "x" * 63)
TYPES = ("int", "text", "numeric(9,2)", "timestamp", "jsonb", "int[]", "varchar(20)", "uuid", "inet", "bool")
COLLATIONS = ("", ' COLLATE "C"', ' COLLATE "POSIX"')
THERE = 'it\'s "there"'
COMMENTS = ("", "it's", 'a "b"\n\\ back', "/* c */ -- d", "ünïcode ☃", "$$x$$; DROP TABLE t")


class Maker:
    """Random DDL of one table and its indexes; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        names = self.pick.sample(NAMES, 6)
        self.table, self.columns = names[0], {name: self.pick.choice(TYPES) for name in names[1:]}
        self.columns["t"], self.columns["n"] = "text", "int"
        self.schema = f"schema {seed}" if self.pick.random() < 0.5 else f"s{seed}"

    @property
    def where(self) -> str:
        return f"{quote(self.schema)}.{quote(self.table)}"

    def tables(self) -> list[str]:
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in self.columns.items())
        partitioned = " PARTITION BY RANGE (n)" if self.pick.random() < 0.25 else ""
        made = [f"CREATE SCHEMA {quote(self.schema)}", f"CREATE TABLE {self.where} ({columns}){partitioned}"]
        if partitioned:
            for number in range(self.pick.randint(1, 3)):
                part = f"{quote(self.schema)}.{quote(f'part {number}')}"
                bounds = f"FROM ({number * 10}) TO ({number * 10 + 10})"
                made.append(f"CREATE TABLE {part} PARTITION OF {self.where} FOR VALUES {bounds}")
        filled = ", ".join(map(quote, ("t", "n")))
        made.append(f"INSERT INTO {self.where} ({filled}) SELECT 'v' || g, g % 10 FROM generate_series(1, 50) g")
        return made

    def key(self, method: str) -> str:
        name, kind = self.pick.choice(sorted(self.columns.items()))
        if kind == "jsonb" and method == "btree" and self.pick.random() < 0.6:
            return f"(({quote(name)} ->> 'k'))"
        text = kind in ("text", "varchar(20)")
        value = f"lower({quote(name)})" if text and self.pick.random() < 0.4 else quote(name)
        if kind == "int" and self.pick.random() < 0.3:
            value = f"(({quote(name)} % 7))"
        if text and method == "btree":
            value += self.pick.choice(COLLATIONS) + self.pick.choice(("", " text_pattern_ops"))
        if method == "btree":
            value += self.pick.choice(("", " DESC", " ASC NULLS FIRST", " DESC NULLS LAST"))
        return value

    def index(self, name: str) -> str:
        method = self.pick.choice(("btree", "btree", "btree", "hash", "brin"))
        many = 1 if method == "hash" else self.pick.randint(1, 3)
        keys = ", ".join(self.key(method) for _ in range(many))
        if method == "brin":
            keys = quote("n")
        sql = f"{quote(name)} ON {self.where} USING {method} ({keys})"
        if method == "btree" and self.pick.random() < 0.4:
            sql += f" INCLUDE ({quote('t')})"
        if method != "brin" and self.pick.random() < 0.4:
            sql += f" WITH (fillfactor = {self.pick.randint(50, 100)})"
        if self.pick.random() < 0.4:
            sql += self.pick.choice((" WHERE n > 3", " WHERE t IS NOT NULL AND n IN (1, 2)", " WHERE t LIKE 'a%'"))
        return sql

    def ornaments(self, name: str, expressions: list[int]) -> list[str]:
        where = f"{quote(self.schema)}.{quote(name)}"
        made = [
            f"ALTER INDEX {where} ALTER COLUMN {number} SET STATISTICS {self.pick.randint(0, 10000)}"
            for number in expressions
            if self.pick.random() < 0.7
        ]
        comment = self.pick.choice(COMMENTS)
        return made + ([f"COMMENT ON INDEX {where} IS {literal(comment)}"] if comment else [])


def there_and_back(bench: Bench, seed: int) -> None:
    maker = Maker(seed)
    for sql in maker.tables():
        bench.sql(sql)
    empty = indexes(bench)
    there, made, where = maker.index(THERE), maker.index("made é"), f"{quote(maker.schema)}.{quote(THERE)}"
    bench.sql(f"CREATE INDEX {there}")
    expressions = bench.sql(
        "SELECT k.n::int FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, n)"
        " WHERE k.attnum = 0 AND i.indexrelid = %s::regclass",
        where,
    )
    for sql in maker.ornaments(THERE, [row[0] for row in expressions]):
        bench.sql(sql)
    before = indexes(bench)
    dropped = applied(bench, f"DROP INDEX {where}")
    assert indexes(bench) == empty, seed
    created = applied(bench, f"CREATE INDEX {made}")
    assert len(indexes(bench)) > len(empty), seed
    assert undone(bench, created).state is ChangeState.ROLLED_BACK
    assert indexes(bench) == empty, seed
    assert undone(bench, dropped).state is ChangeState.ROLLED_BACK
    assert indexes(bench) == before, seed
    bench.sql(f"DROP SCHEMA {quote(maker.schema)} CASCADE")


def test_twelve_random_schemas(bench: Bench) -> None:
    for seed in range(12):
        there_and_back(bench, seed)


@pytest.mark.deep
def test_two_hundred_random_schemas(bench: Bench) -> None:
    for seed in range(100, 300):
        there_and_back(bench, seed)


@pytest.mark.deep
def test_forty_random_schemas_on_an_older_server(bench_on: Any, fresh_old_db: str) -> None:
    bench = bench_on(fresh_old_db)
    for seed in range(300, 340):
        there_and_back(bench, seed)
