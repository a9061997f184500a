"""Real changes whose effect is known: what each does to the one statement of its load.

Each has a database of its own. `truth` is what the change is made to do; the benchmark holds it against the times that
the sender of the load measures.
"""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.baseline.verdict import Finding
from tests.core.jobs.squeezed_time import Load

ITEMS = """
CREATE TABLE items (id bigint, customer int NOT NULL, seldom int, note text) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT g, g % 2000, g % 3, repeat('x', 60) FROM generate_series(1, 20000) g;
ANALYZE items;
"""
BY_CUSTOMER = Load("SELECT count(note) FROM items WHERE customer = %s % 2000")
NOT_IN = Load("SELECT count(*) FROM few WHERE id + %s * 0 NOT IN (SELECT ref FROM many)", calls=6)
FEW_AND_MANY = """
CREATE TABLE few AS SELECT g AS id FROM generate_series(20001, 20012) g;
CREATE TABLE many AS SELECT g AS ref FROM generate_series(1, 12000) g;
ANALYZE;
"""
STALE = """
CREATE TABLE events (id int PRIMARY KEY, kind int) WITH (autovacuum_enabled = off);
CREATE INDEX ON events (kind);
INSERT INTO events SELECT g, g % 5 FROM generate_series(1, 30000) g;
ANALYZE events;
TRUNCATE events;
INSERT INTO events SELECT g, CASE WHEN g > 29990 THEN 3 ELSE 0 END FROM generate_series(1, 30000) g;
"""
"""The statistics say that each fifth row is of kind 3: the first by id is looked for along the primary key."""
FIRST_OF_KIND = Load("SELECT id FROM events WHERE kind = 3 AND id > -%s ORDER BY id LIMIT 1", calls=6)
CORRELATED = """
CREATE TABLE parts (id int PRIMARY KEY, a int, b int) WITH (autovacuum_enabled = off);
CREATE INDEX ON parts (a, b);
INSERT INTO parts SELECT g, g % 2, CASE WHEN g > 29990 THEN 1 - g % 2 ELSE g % 2 END FROM generate_series(1, 30000) g;
ANALYZE parts;
"""
"""a and b are as good as always equal; taken for independent, each fourth row has 0 and 1."""
FIRST_PART = Load("SELECT id FROM parts WHERE a = 0 AND b = 1 AND id > -%s ORDER BY id LIMIT 1", calls=6)
PENDING = """
CREATE TABLE words (id bigint, list int[]) WITH (autovacuum_enabled = off);
CREATE INDEX ON words USING gin (list) WITH (fastupdate = on, gin_pending_list_limit = 65536);
INSERT INTO words SELECT g, ARRAY[g, g + 1] FROM generate_series(1, 30000) g;
"""
"""Each search reads the whole pending list of the index, until a VACUUM puts it in its place."""
WITH_WORD = Load("SELECT id FROM words WHERE list @> ARRAY[%s]", calls=6)
WORDS = """
CREATE TABLE words (id bigint, list int[]) WITH (autovacuum_enabled = off);
INSERT INTO words SELECT g, ARRAY[g, g + 1] FROM generate_series(1, 1000) g;
ANALYZE words;
"""
INSERTED = Load("INSERT INTO words SELECT %s, array_agg(random() * 1e9) FROM generate_series(1, 400) g")
SMALL_WORK_MEM = "ALTER DATABASE {database} SET work_mem = '64kB'"


@dataclass(frozen=True)
class Case:
    name: str
    """Fit for a database's name."""
    schema: str
    load: Load
    change: str
    """`{database}` is the database's name."""
    truth: Finding


_BETTER, _SAME, _WORSE = Finding.BETTER, Finding.SAME, Finding.WORSE
_INDEX = "CREATE INDEX items_customer ON items (customer);"
CASES = (
    Case("index_needed", ITEMS, BY_CUSTOMER, "CREATE INDEX CONCURRENTLY made ON items (customer)", _BETTER),
    Case("index_unread", ITEMS, BY_CUSTOMER, "CREATE INDEX CONCURRENTLY made ON items (seldom)", _SAME),
    Case("index_writes", WORDS, INSERTED, "CREATE INDEX CONCURRENTLY made ON words USING gin (list)"
         " WITH (fastupdate = off)", _WORSE),
    Case("drop_needed", ITEMS + _INDEX, BY_CUSTOMER, "DROP INDEX CONCURRENTLY items_customer", _WORSE),
    Case("drop_unread", ITEMS + "CREATE INDEX items_seldom ON items (seldom);", BY_CUSTOMER,
         "DROP INDEX CONCURRENTLY items_seldom", _SAME),
    Case("role_memory", FEW_AND_MANY + SMALL_WORK_MEM, NOT_IN, "ALTER ROLE app SET work_mem = '16MB'", _BETTER),
    Case("database_memory", FEW_AND_MANY + SMALL_WORK_MEM, NOT_IN,
         "ALTER DATABASE {database} SET work_mem = '16MB'", _BETTER),
    Case("system_memory", FEW_AND_MANY, NOT_IN, "ALTER SYSTEM SET work_mem = '64kB'", _WORSE),
    Case("system_cache", ITEMS, BY_CUSTOMER, "ALTER SYSTEM SET effective_cache_size = '1GB'", _SAME),
    Case("analyze_stale", STALE, FIRST_OF_KIND, "ANALYZE events", _BETTER),
    Case("analyze_fresh", ITEMS, BY_CUSTOMER, "ANALYZE items", _SAME),
    Case("statistics", CORRELATED, FIRST_PART, "CREATE STATISTICS made (mcv) ON a, b FROM parts", _BETTER),
    Case("vacuum_pending", PENDING, WITH_WORD, "VACUUM words", _BETTER),
    Case("vacuum_clean", ITEMS, BY_CUSTOMER, "VACUUM items", _SAME),
    Case("autovacuum", ITEMS, BY_CUSTOMER, "ALTER TABLE items SET (autovacuum_vacuum_scale_factor = 0.05)", _SAME),
)  # fmt: skip
