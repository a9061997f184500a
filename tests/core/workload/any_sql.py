"""Statements of every kind that PostgreSQL knows, made by chance, whole and broken.

The structure of a statement comes from one source of chance and its literals from another, so that the same statement
can be had with other literals.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

BREAKERS = (
    "\u202e", "\u2066", "\ufffd", "\x1b]0;x\x07", "\x1b[2J", "\x00", "\ufeff", "'", '"', "$$", "$a$", "/*", "*/", "--",
    "\\", "(", ")", ";", "E'\\", "U&'\\+", "\u00a0", "\U0001f600", "e\u0301", "\r", "\x85", "$99999999999999999999",
)  # fmt: skip
"""What a text may hold, or end in, without being SQL."""
ENCODINGS = ("latin-1", "cp1251", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "koi8-r", "iso8859-15", "utf-16")


class Sql:
    """A generator. With `parameters` constants are `$n`, as pg_stat_statements keeps them."""

    def __init__(self, structure: int, literals: int = 0, *, parameters: bool = False) -> None:
        self.structure = random.Random(structure)
        self.literals = random.Random(literals)
        self.parameters = parameters
        self.number = 0
        self.depth = 0

    def statement(self) -> str:
        kinds: tuple[Callable[[], str], ...] = (
            self.query, self.query, self.query, self.insert, self.update, self.delete, self.merge, self.utility,
            self.ddl,
        )  # fmt: skip
        head = self.pick(("", "", "", "/* app:web */ ", "-- note\n", "/* a /* nested */ b */ "))
        return head + self.pick(kinds)() + self.pick(("", "", ";", " -- end", " /* end */"))

    def pick(self, choices: Sequence[T]) -> T:
        return self.structure.choice(choices)

    def some(self, make: Callable[[], str], most: int = 3, joint: str = ", ") -> str:
        return joint.join(make() for _ in range(self.structure.randint(1, most)))

    def name(self) -> str:
        return self.pick(("a", "b", "id", "users", "Orders", "t1", '"Weird ""name"', "ünïcode", "表", "pg_class", '"x"',
                          "public.users", "information_schema.tables", "x$y", 'U&"d\\0061ta"'))  # fmt: skip

    def literal(self) -> str:
        if self.parameters:
            self.number += 1
            return f"${self.number}"
        words = self.literals
        text = words.choice(("", "it''s", "über", "漢字", "-- no", "/* no */", "$1", "a;b", "\u202e", "%_"))
        return words.choice((
            str(words.randrange(10**6)), f"{words.random():.6f}", "1e10", "0x1F", "1_000", f"'{text}'",
            f"E'{text}\\n\\''",
            f"$q${text}$q$", f"$${text}$$", f"U&'{text}\\0061'", "B'101'", "X'1F'", f"N'{text}'", "TRUE", "false",
        ))  # fmt: skip

    def operand(self) -> str:
        return self.pick((self.name, self.literal, self.literal, self.expression))()

    def expression(self) -> str:
        self.depth += 1
        try:
            if self.depth > 3:
                return self.name()
            return self.pick((
                lambda: f"{self.operand()} {self.operator()} {self.operand()}",
                lambda: f"({self.expression()})",
                lambda: f"{self.name()} IN ({', '.join(self.literal() for _ in range(self.literals.randint(1, 9)))})",
                lambda: f"coalesce({self.some(self.operand)})",
                lambda: f"CASE WHEN {self.expression()} THEN {self.operand()} ELSE {self.operand()} END",
                lambda: f"CAST({self.operand()} AS numeric(10, 2))",
                lambda: f"{self.name()}::text",
                lambda: f"{self.name()} ->> {self.literal()}",
                lambda: f"{self.name()} BETWEEN {self.literal()} AND {self.literal()}",
                lambda: f"{self.name()} IS NOT DISTINCT FROM {self.operand()}",
                lambda: f"EXISTS ({self.query()})",
                lambda: f"extract(epoch FROM {self.name()})",
                lambda: f"sum({self.operand()}) FILTER (WHERE {self.expression()}) OVER (PARTITION BY {self.name()})",
                lambda: f"ARRAY[{self.some(self.operand)}] && {self.name()}",
                lambda: f"{self.name()} AT TIME ZONE {self.literal()}",
                lambda: f"ROW({self.some(self.operand)}) < ({self.some(self.operand)})",
                lambda: f"json_build_object({self.some(self.operand)})",
                lambda: f"NOT ({self.expression()}) AND {self.name()} LIKE {self.literal()}",
            ))()  # fmt: skip
        finally:
            self.depth -= 1

    def operator(self) -> str:
        return self.pick(
            ("=", "<>", "<=", "||", "@>", "~*", "->", "#>>", "<->", "OPERATOR(pg_catalog.+)", "!~~*", "AND", "OR")
        )

    def query(self) -> str:
        self.depth += 1
        try:
            parts = [
                self.pick(
                    ("", "", "WITH RECURSIVE x (a) AS (SELECT b FROM users) ", "WITH y AS MATERIALIZED (TABLE t1) ")
                )
            ]
            parts.append(f"SELECT {self.pick(('', 'DISTINCT ', 'ALL '))}{self.some(self.operand)}")
            parts.append(f" FROM {self.source()}")
            if self.depth < 4:
                parts.append(self.pick(("", f" WHERE {self.expression()}", f" WHERE {self.name()} = {self.literal()}")))
                parts.append(
                    self.pick(("", "", f" GROUP BY {self.name()} HAVING {self.expression()}", " GROUP BY ROLLUP (a)"))
                )
                parts.append(self.pick(("", "", f" UNION ALL SELECT {self.literal()}", f" EXCEPT ({self.query()})")))
                parts.append(self.pick(("", f" ORDER BY {self.name()} DESC NULLS LAST")))
                parts.append(
                    self.pick(("", f" LIMIT {self.literal()}", f" OFFSET {self.literal()} FETCH FIRST ROW ONLY"))
                )
                parts.append(self.pick(("", "", " FOR UPDATE OF t1 SKIP LOCKED")))
            return "".join(parts)
        finally:
            self.depth -= 1

    def source(self) -> str:
        return self.pick((
            self.name,
            lambda: f"{self.name()} JOIN {self.name()} ON {self.expression()}",
            lambda: f"({self.query()}) AS s" if self.depth < 3 else "s",
            lambda: f"generate_series({self.literal()}, {self.literal()}) AS g",
            lambda: f"{self.name()}, LATERAL unnest({self.name()}) u",
            lambda: f"{self.name()} TABLESAMPLE system ({self.literal()})",
            lambda: f"(VALUES ({self.literal()}, {self.literal()}), ({self.literal()}, {self.literal()})) v (a, b)",
            lambda: "pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
        ))()  # fmt: skip

    def insert(self) -> str:
        rows = ", ".join(f"({self.literal()}, {self.literal()})" for _ in range(self.literals.randint(1, 6)))
        tail = self.pick(
            ("", " ON CONFLICT DO NOTHING", " ON CONFLICT (id) DO UPDATE SET a = excluded.a", " RETURNING *")
        )
        return self.pick((f"INSERT INTO users (a, b) VALUES {rows}", f"INSERT INTO users {self.query()}")) + tail

    def update(self) -> str:
        return f"UPDATE {self.name()} SET a = {self.operand()} FROM {self.source()} WHERE {self.expression()}"

    def delete(self) -> str:
        return f"DELETE FROM ONLY {self.name()} USING {self.source()} WHERE {self.expression()} RETURNING id"

    def merge(self) -> str:
        return (
            f"MERGE INTO users u USING {self.source()} ON {self.expression()} WHEN MATCHED THEN UPDATE SET a = "
            f"{self.operand()} WHEN NOT MATCHED THEN INSERT VALUES ({self.literal()})"
        )

    def utility(self) -> str:
        return self.pick((
            "BEGIN ISOLATION LEVEL REPEATABLE READ", "COMMIT AND CHAIN", "ROLLBACK TO SAVEPOINT s", "SAVEPOINT s",
            "SET LOCAL work_mem TO '4MB'", "SHOW ALL", "RESET ALL", "DISCARD TEMP", "VACUUM (FULL, VERBOSE) users (a)",
            "ANALYZE users", "CHECKPOINT", "LISTEN c", "NOTIFY c, 'x'", "COPY users TO STDOUT (FORMAT csv)",
            "COPY (SELECT 1) TO PROGRAM 'gzip'", "EXPLAIN (ANALYZE) SELECT 1", "PREPARE p (int) AS SELECT $1",
            "EXECUTE p (1)", "DEALLOCATE ALL", "DECLARE c CURSOR FOR SELECT 1", "FETCH FORWARD 10 FROM c", "CLOSE c",
            "CALL work(1)", "DO $x$ BEGIN PERFORM 1; END $x$", "LOCK TABLE users IN EXCLUSIVE MODE", "TABLE users",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY m", "CLUSTER users USING i", "REINDEX TABLE users", "LOAD 'x'",
            "SECURITY LABEL ON ROLE a IS 'x'", "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y", "VALUES (1), (2)",
            "ALTER SYSTEM SET work_mem = '1GB'", "CREATE ROLE r PASSWORD 'secret'", "REASSIGN OWNED BY a TO b",
        ))  # fmt: skip

    def ddl(self) -> str:
        kinds = (
            "TABLE t (a int PRIMARY KEY, b text DEFAULT 'x')",
            "INDEX CONCURRENTLY i ON t (lower(a)) WHERE b > 0",
            "VIEW v AS SELECT 1",
            "FUNCTION f() RETURNS int LANGUAGE sql AS $f$ SELECT 1; $f$",
            "TYPE e AS ENUM ('a')",
            "TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f()",
            "EXTENSION hstore",
            "SCHEMA s",
            "SEQUENCE q",
            "POLICY p ON t USING (a = current_user)",
            "PUBLICATION p FOR ALL TABLES",
            "STATISTICS s ON a, b FROM t",
            "AGGREGATE g (int) (SFUNC = f, STYPE = int)",
            "OPERATOR === (FUNCTION = f, LEFTARG = int)",
            "DOMAIN d AS int",
            "EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()",
            "SERVER s FOREIGN DATA WRAPPER w",
            "RULE r AS ON INSERT TO t DO NOTHING",
            "CAST (int AS t) WITHOUT FUNCTION",
            "COLLATION c (provider = icu)",
            "LANGUAGE l",
            "ACCESS METHOD m TYPE INDEX HANDLER h",
            "SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p",
            "TEXT SEARCH CONFIGURATION c (PARSER = p)",
            "USER MAPPING FOR u SERVER s",
        )
        verb = self.pick(("CREATE", "ALTER", "DROP", "COMMENT ON", "GRANT ALL ON", "REVOKE ALL ON", "TRUNCATE"))
        return f"{verb} {self.pick(kinds)}"


def broken(text: str, chance: random.Random) -> str:
    """`text` as a hostile or damaged server might give it: cut at any byte, in another encoding, with pieces amiss."""
    for _ in range(chance.randint(1, 3)):
        place = chance.randint(0, len(text))
        how = chance.randrange(5)
        if how == 0:
            body = text.encode()
            text = body[: chance.randint(0, len(body))].decode("utf-8", "replace")
        elif how == 1:
            text = text.encode(chance.choice(ENCODINGS), "replace").decode("utf-8", "replace")
        elif how == 2:
            text = text[:place] + chance.choice(BREAKERS) + text[place:]
        elif how == 3:
            text = text[:place] + text[place + chance.randint(1, 9) :]
        else:
            text = text[:place] + "".join(map(chr, chance.choices(range(0xD800), k=5))) + text[place:]
    return text.replace("\x00", "\ufffd")
