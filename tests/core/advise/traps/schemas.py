"""Schemas and workloads for which the right advice is none; and two for which it is one index."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optischema_tui.core.workload.statement import WorkloadStatement
from optischema_tui.core.workload.workload_file import parse

LOOK_UP_MS = 0.01
"""What a look-up by an index that fits takes, with the pages in memory."""


@dataclass(frozen=True)
class Trap:
    name: str
    """Its tables begin with it, so that all share one database."""
    setup: str
    workload: str
    ms: float = 4.0
    """Of a call of each statement, where the workload itself says nothing."""
    analyzed: bool = True

    @property
    def statements(self) -> tuple[WorkloadStatement, ...]:
        found = parse(self.workload)
        if "mean_ms" in self.workload:
            return found
        return tuple(replace(each, calls=1000, mean_ms=self.ms) for each in found)


ROWS = "FROM generate_series(1, 20000) n"
"""Enough for an index to be worth it where it can be: some 200-400 pages."""

COVERED = (
    Trap(
        "plain",
        f"CREATE TABLE plain (id int PRIMARY KEY, a int, note text);"
        f"INSERT INTO plain SELECT n, n % 5000, 'note' {ROWS};"
        "CREATE INDEX ON plain (a)",
        "SELECT * FROM plain WHERE a = 17; SELECT note FROM plain WHERE a = $1",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "wider",
        f"CREATE TABLE wider (id int PRIMARY KEY, a int, b int, note text);"
        f"INSERT INTO wider SELECT n, n % 5000, n % 7, 'note' {ROWS}; CREATE INDEX ON wider (a, b)",
        "SELECT * FROM wider WHERE a = 17; SELECT * FROM wider WHERE a = 17 AND b = 3",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "only_one",
        f"CREATE TABLE only_one (id int PRIMARY KEY, code text UNIQUE, state text);"
        f"INSERT INTO only_one SELECT n, 'c' || n, 's' || n % 9 {ROWS}",
        "SELECT * FROM only_one WHERE code = 'c77' AND state = 's5';"
        "SELECT * FROM only_one WHERE id = 5 AND code = 'c5'",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "partial",
        f"CREATE TABLE partial (id int PRIMARY KEY, a int, gone timestamp);"
        f"INSERT INTO partial SELECT n, n % 5000, CASE WHEN n % 2 = 0 THEN now() END {ROWS};"
        "CREATE INDEX ON partial (a) WHERE gone IS NULL",
        "SELECT * FROM partial WHERE a = 17 AND gone IS NULL",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "reversed",
        f"CREATE TABLE reversed (id int PRIMARY KEY, a int, at timestamp);"
        f"INSERT INTO reversed SELECT n, n % 200, timestamp '2024-01-01' + n * interval '1 min' {ROWS};"
        "CREATE INDEX ON reversed (a, at)",
        "SELECT * FROM reversed WHERE a = 17 ORDER BY at DESC LIMIT 5; SELECT max(at) FROM reversed WHERE a = 3",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "expression",
        f"CREATE TABLE expression (id int PRIMARY KEY, email text);"
        f"INSERT INTO expression SELECT n, 'User' || n || '@example.org' {ROWS};"
        "CREATE INDEX ON expression (lower(email))",
        "SELECT * FROM expression WHERE lower(email) = 'user5@example.org'",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "included",
        f"CREATE TABLE included (id int PRIMARY KEY, a int, b int, note text);"
        f"INSERT INTO included SELECT n, n % 5000, n, repeat('x', 50) {ROWS}; CREATE INDEX ON included (a) INCLUDE (b)",
        "SELECT b FROM included WHERE a = 17",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "viewed",
        f"CREATE TABLE viewed_order (id int PRIMARY KEY, buyer int, total int);"
        f"CREATE TABLE viewed_buyer (id int PRIMARY KEY, name text);"
        f"INSERT INTO viewed_order SELECT n, n % 5000 + 1, n {ROWS};"
        "INSERT INTO viewed_buyer SELECT n, 'name ' || n FROM generate_series(1, 5000) n;"
        "CREATE INDEX ON viewed_order (buyer);"
        "CREATE VIEW viewed AS SELECT o.id, b.name, o.total, o.buyer FROM viewed_order o JOIN viewed_buyer b ON "
        "b.id = o.buyer",
        "SELECT * FROM viewed WHERE id = 77; SELECT * FROM viewed WHERE buyer = 5",
        ms=LOOK_UP_MS,
    ),
    Trap(
        "ordered_key",
        f"CREATE TABLE ordered_key (id int PRIMARY KEY, note text); INSERT INTO ordered_key SELECT n, 'note' {ROWS}",
        "SELECT * FROM ordered_key ORDER BY id DESC LIMIT 10;"
        "SELECT * FROM ordered_key WHERE id > 500 ORDER BY id LIMIT 20;"
        "SELECT count(*) FROM ordered_key WHERE id BETWEEN 100 AND 120",
        ms=LOOK_UP_MS,
    ),
)

SELECTS_TOO_MUCH = (
    Trap(
        "tiny",
        "CREATE TABLE tiny (code text, name text);"
        "INSERT INTO tiny SELECT 'c' || n, 'country ' || n FROM generate_series(1, 200) n",
        "SELECT name FROM tiny WHERE code = 'c7'; SELECT * FROM tiny ORDER BY name",
    ),
    Trap(
        "halves",
        f"CREATE TABLE halves (id int PRIMARY KEY, active boolean, note text);"
        f"INSERT INTO halves SELECT n, n % 2 = 0, repeat('x', 60) {ROWS}",
        "SELECT * FROM halves WHERE active; SELECT * FROM halves WHERE NOT active",
    ),
    Trap(
        "common",
        f"CREATE TABLE common (id int PRIMARY KEY, state text, note text);"
        f"INSERT INTO common SELECT n, CASE WHEN n % 10 < 9 THEN 'done' ELSE 'new' END, repeat('x', 60) {ROWS}",
        "SELECT * FROM common WHERE state = 'done'",
    ),
    Trap(
        "everything",
        f"CREATE TABLE everything (id int PRIMARY KEY, a int, note text);"
        f"INSERT INTO everything SELECT n, n, repeat('x', 60) {ROWS}",
        "SELECT * FROM everything; SELECT * FROM everything WHERE 1 = 1",
    ),
    Trap(
        "always",
        f"CREATE TABLE always (id int PRIMARY KEY, a int NOT NULL, b text);"
        f"INSERT INTO always SELECT n, n, repeat('x', 60) {ROWS}",
        "SELECT * FROM always WHERE a > 0; SELECT * FROM always WHERE b IS NOT NULL;"
        "SELECT * FROM always WHERE a >= -5 AND b <> ''",
    ),
    Trap(
        "either",
        f"CREATE TABLE either (id int PRIMARY KEY, a int, b int, note text);"
        f"INSERT INTO either SELECT n, n % 5000, n % 300, md5(n::text) {ROWS}",
        "SELECT * FROM either WHERE a = 1 OR b = 2 OR note LIKE '%abc%'",
    ),
    Trap(
        "unlike",
        f"CREATE TABLE unlike (id int PRIMARY KEY, state int, note text);"
        f"INSERT INTO unlike SELECT n, n % 20, repeat('x', 60) {ROWS}",
        "SELECT * FROM unlike WHERE state <> 5; SELECT * FROM unlike WHERE NOT (state = 3)",
    ),
    Trap(
        "listed",
        f"CREATE TABLE listed (id int PRIMARY KEY, kind int, note text);"
        f"INSERT INTO listed SELECT n, n % 10, repeat('x', 60) {ROWS}",
        "SELECT * FROM listed WHERE kind IN (0, 1, 2, 3, 4, 5, 6, 7);"
        "SELECT * FROM listed WHERE kind = ANY ('{1,2,3,5,6,8,9}')",
    ),
    Trap(
        "first_come",
        f"CREATE TABLE first_come (id int PRIMARY KEY, kind int, note text);"
        f"INSERT INTO first_come SELECT n, n % 3, repeat('x', 60) {ROWS}",
        "SELECT * FROM first_come LIMIT 1; SELECT * FROM first_come WHERE kind = 2 LIMIT 1",
    ),
    Trap(
        "narrow",
        f"CREATE TABLE narrow (a int, b int); INSERT INTO narrow SELECT n, n % 9 {ROWS}",
        "SELECT sum(a) FROM narrow; SELECT b, count(*) FROM narrow GROUP BY b",
    ),
)

CANNOT_SERVE = (
    Trap(
        "suffix",
        f"CREATE TABLE suffix (id int PRIMARY KEY, name text);"
        f"INSERT INTO suffix SELECT n, md5(n::text) || 'son' {ROWS}",
        "SELECT * FROM suffix WHERE name LIKE '%7son'; SELECT * FROM suffix WHERE name ILIKE '%ab%'",
    ),
    Trap(
        "volatile",
        f"CREATE TABLE volatile_ (id int PRIMARY KEY, a int, token uuid);"
        f"INSERT INTO volatile_ SELECT n, n, gen_random_uuid() {ROWS}",
        "SELECT * FROM volatile_ WHERE a = (random() * 1000)::int;"
        "SELECT * FROM volatile_ WHERE token = gen_random_uuid();"
        "SELECT * FROM volatile_ WHERE random() < 0.01",
    ),
    Trap(
        "stable",
        f"CREATE TABLE stable_ (id int PRIMARY KEY, at timestamptz);"
        f"INSERT INTO stable_ SELECT n, timestamptz '2024-01-01' + n * interval '1 hour' {ROWS}",
        "SELECT * FROM stable_ WHERE to_char(at, 'YYYY-MM') = '2024-03';"
        "SELECT * FROM stable_ WHERE at::date = '2024-03-01';"
        "SELECT * FROM stable_ WHERE date_trunc('day', at) = '2024-03-01'",
    ),
    Trap(
        "exotic",
        "CREATE TABLE exotic (id int PRIMARY KEY, page xml, place point, area box, body json);"
        f"INSERT INTO exotic SELECT n, NULL, point(n, n), box(point(n, n), point(0, 0)), '{{}}' {ROWS}",
        "SELECT id FROM exotic WHERE page::text LIKE '%77%'; SELECT id FROM exotic WHERE place ~= point(1, 1);"
        "SELECT id FROM exotic WHERE area ~ box '((1,1),(0,0))'; SELECT id FROM exotic WHERE page IS DOCUMENT",
    ),
    Trap(
        "unanalyzed",
        f"CREATE TABLE unanalyzed (id int, a int) WITH (autovacuum_enabled = off);"
        f"INSERT INTO unanalyzed SELECT n, n {ROWS}",
        "SELECT * FROM unanalyzed WHERE a = 5",
        analyzed=False,
    ),
    Trap(
        "vanished",
        "SELECT 1",
        "SELECT * FROM vanished_temporary WHERE a = 5; INSERT INTO vanished_temporary VALUES (1)",
    ),
    Trap(
        "pruned",
        "CREATE TABLE pruned (day int, kind int, note text) PARTITION BY RANGE (day);"
        + ";".join(f"CREATE TABLE pruned_{n} PARTITION OF pruned FOR VALUES FROM ({n}) TO ({n + 1})" for n in range(30))
        + ";INSERT INTO pruned SELECT n % 30, n % 50, 'note' FROM generate_series(1, 9000) n",
        "SELECT * FROM pruned WHERE day = 5 AND kind = 7; SELECT count(*) FROM pruned WHERE day = 6 AND kind < 3",
        ms=2 * LOOK_UP_MS,
    ),
    Trap(
        "inner_side",
        f"CREATE TABLE inner_side (id int PRIMARY KEY, kind int, amount int);"
        "CREATE TABLE inner_side_kind (number int, name text);"
        f"INSERT INTO inner_side SELECT n, n % 40, n {ROWS};"
        "INSERT INTO inner_side_kind SELECT n, 'kind ' || n FROM generate_series(0, 39) n",
        "SELECT k.name, sum(i.amount) FROM inner_side i JOIN inner_side_kind k ON k.number = i.kind GROUP BY k.name",
    ),
)

NOT_WORTH_IT = (
    Trap(
        "light",
        f"CREATE TABLE light (id int PRIMARY KEY, a int, note text);"
        f"INSERT INTO light SELECT n, n % 5000, repeat('x', 60) {ROWS}",
        "-- calls: 100000 mean_ms: 0.05\nSELECT * FROM light WHERE id = 5;\n"
        "-- calls: 1 mean_ms: 4\nSELECT * FROM light WHERE a = 17;",
    ),
    Trap(
        "written",
        f"CREATE TABLE written (id int PRIMARY KEY, a int, note text);"
        f"INSERT INTO written SELECT n, n % 5000, repeat('x', 60) {ROWS}",
        "-- calls: 1000000 mean_ms: 0.03\nINSERT INTO written VALUES ($1, $2, $3);\n"
        "-- calls: 100 mean_ms: 4\nSELECT * FROM written WHERE a = 17;",
    ),
    Trap(
        "write_only",
        f"CREATE TABLE write_only (id int PRIMARY KEY, a int, note text);"
        f"INSERT INTO write_only SELECT n, n % 5000, repeat('x', 60) {ROWS}",
        "-- calls: 100000 mean_ms: 0.03\nINSERT INTO write_only VALUES ($1, $2, $3);\n"
        "-- calls: 100000 mean_ms: 0.04\nUPDATE write_only SET a = $1 WHERE id = $2;\n"
        "-- calls: 1000 mean_ms: 0.04\nDELETE FROM write_only WHERE id = $1;",
    ),
    Trap(
        "hot",
        f"CREATE TABLE hot (id int PRIMARY KEY, owner int, balance int, note text) WITH (fillfactor = 70);"
        f"INSERT INTO hot SELECT n, n % 3000, n, repeat('x', 60) {ROWS};"
        "CREATE INDEX ON hot (owner)",
        "-- calls: 500000 mean_ms: 0.04\nUPDATE hot SET balance = balance + $1 WHERE id = $2;\n"
        "-- calls: 1000 mean_ms: 0.05\nSELECT * FROM hot WHERE owner = 47;\n"
        "-- calls: 100 mean_ms: 4\nSELECT * FROM hot WHERE balance = 4711;",
    ),
)

TRAPS = (*COVERED, *SELECTS_TOO_MUCH, *CANNOT_SERVE, *NOT_WORTH_IT)

CONTROLS = (
    Trap(
        "wanted",
        f"CREATE TABLE wanted (id int PRIMARY KEY, a int, note text);"
        f"INSERT INTO wanted SELECT n, n % 5000, repeat('x', 60) {ROWS}",
        "-- calls: 1000 mean_ms: 4\nSELECT * FROM wanted WHERE a = 17;\n"
        "-- calls: 1000 mean_ms: 0.03\nINSERT INTO wanted VALUES ($1, $2, $3);",
    ),
    Trap(
        "newest",
        f"CREATE TABLE newest (id int PRIMARY KEY, owner int, at timestamp, note text);"
        f"INSERT INTO newest SELECT n, n % 100, timestamp '2024-01-01' + n * interval '1 min', repeat('x', 60) {ROWS}",
        "SELECT * FROM newest WHERE owner = 17 ORDER BY at DESC LIMIT 5",
    ),
)
