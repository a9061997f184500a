CREATE TYPE status AS ENUM ('new', 'paid', 'sent', 'gone');
CREATE DOMAIN positive AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE TYPE address AS (street text, zip text);
CREATE EXTENSION pg_trgm;
CREATE FUNCTION is_large(numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 900';
CREATE TABLE customer (
    id int PRIMARY KEY, wrong text, email text NOT NULL, country char(2) NOT NULL, also_wrong int,
    home address, tags text[], doc jsonb, born date, note text);
ALTER TABLE customer DROP COLUMN wrong, DROP COLUMN also_wrong;
INSERT INTO customer
SELECT i, 'u' || i || '@example.org', (ARRAY['de','fr','pl','us'])[1 + i % 4], ROW('s' || i, (i % 99)::text)::address, ARRAY['t' || i % 7, 't' || i % 11],
       jsonb_build_object('k', i % 50), date '1950-01-01' + i % 20000, CASE WHEN i % 3 = 0 THEN 'n' || i END
FROM generate_series(1, 30000) i;
CREATE UNIQUE INDEX customer_email ON customer (lower(email));
CREATE INDEX customer_tags ON customer USING gin (tags);
CREATE INDEX customer_note ON customer (note) WHERE note IS NOT NULL;
CREATE INDEX customer_trgm ON customer USING gin (email gin_trgm_ops);
CREATE TABLE orders (
    id bigint NOT NULL, customer_id int NOT NULL, state status NOT NULL, total positive, placed timestamptz NOT NULL,
    city text, zip text, during tstzrange, twice numeric GENERATED ALWAYS AS (total * 2) STORED);
INSERT INTO orders (id, customer_id, state, total, placed, city, zip, during)
SELECT i, 1 + (i * 7919) % 30000, (ARRAY['new','paid','sent','gone'])[1 + (i % 100 > 2)::int + (i % 100 > 40)::int + (i % 100 > 60)::int]::status,
       (i * 37) % 1000, timestamptz '2024-01-01 00:00Z' + i * interval '5 minutes', 'city' || i % 300, 'z' || i % 300,
       tstzrange(timestamptz '2024-01-01 00:00Z' + i * interval '5 minutes', timestamptz '2024-01-02 00:00Z' + i * interval '5 minutes')
FROM generate_series(1, 120000) i;
ALTER TABLE orders ADD PRIMARY KEY (id), ADD FOREIGN KEY (customer_id) REFERENCES customer (id);
CREATE INDEX orders_placed ON orders USING brin (placed);
CREATE INDEX orders_during ON orders USING gist (during);
CREATE INDEX orders_large ON orders (placed) WHERE is_large(total);
CREATE INDEX "where (" ON orders ((city || ' WHERE (x')) WHERE city <> 'a '' WHERE b)';
CREATE STATISTICS orders_city (ndistinct, dependencies, mcv) ON city, zip FROM orders;
CREATE STATISTICS orders_state (mcv) ON state, city FROM orders;
CREATE TABLE item (order_id bigint NOT NULL, line int NOT NULL, sku text NOT NULL, amount int,
    PRIMARY KEY (order_id, line), FOREIGN KEY (order_id) REFERENCES orders (id));
INSERT INTO item SELECT 1 + i / 3, i % 3, 'sku' || i % 2000, i % 10 FROM generate_series(0, 299999) i;
CREATE TABLE event (at date NOT NULL, kind int NOT NULL, who int, payload text, id bigint NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_a PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE event_b PARTITION OF event FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
ALTER TABLE event ADD PRIMARY KEY (at, id);
CREATE INDEX event_who ON event (who);
INSERT INTO event SELECT date '2024-01-01' + i % 90, i % 20, i % 5000, repeat('x', i % 40), i FROM generate_series(1, 90000) i;
CREATE TABLE animal (id int, name text);
CREATE TABLE dog (breed text) INHERITS (animal);
INSERT INTO animal SELECT i, 'a' || i FROM generate_series(1, 2000) i;
INSERT INTO dog SELECT i, 'd' || i, 'b' || i % 9 FROM generate_series(1, 3000) i;
CREATE TABLE empty_one (id int PRIMARY KEY, x text);
CREATE TABLE fresh (id int, x text) WITH (autovacuum_enabled = off);
CREATE SCHEMA "odd ""[/x]'; sché";
CREATE TABLE "odd ""[/x]'; sché"."täble ""; DROP" ("a ""b]'" int, "ünï 'code" text, "select" date);
INSERT INTO "odd ""[/x]'; sché"."täble ""; DROP" SELECT i % 500, 'v''"{},\' || i, date '2020-01-01' + i % 999 FROM generate_series(1, 20000) i;
CREATE INDEX "idx ""'[é" ON "odd ""[/x]'; sché"."täble ""; DROP" ("a ""b]'", "select");
CREATE VIEW big_orders AS SELECT o.id, o.total, c.email FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total > 500;
CREATE MATERIALIZED VIEW by_city AS SELECT city, count(*) AS n, sum(total) AS total FROM orders GROUP BY city;
CREATE INDEX by_city_n ON by_city (n);
VACUUM ANALYZE;
INSERT INTO fresh SELECT i, 'f' || i FROM generate_series(1, 5000) i;
INSERT INTO item SELECT 100001 + i / 3, i % 3, 'sku' || i % 2000, i % 10 FROM generate_series(0, 29999) i;
