CREATE SCHEMA app;
CREATE SCHEMA "Quoted ""Schema";
CREATE EXTENSION citext SCHEMA app;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
CREATE EXTENSION intarray SCHEMA app;
CREATE EXTENSION cube;
CREATE EXTENSION unaccent;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'it''s "odd", {really}' BEFORE 'ok';
CREATE TYPE app.colour AS ENUM ('red', 'green', 'blue');
CREATE DOMAIN app.email AS text CHECK (VALUE ~ '@') CHECK (length(VALUE) < 200);
CREATE DOMAIN app.short_email AS app.email COLLATE "C" NOT NULL;
CREATE DOMAIN moods AS mood[];
CREATE DOMAIN pennies AS bigint DEFAULT 0;
CREATE TYPE point3 AS (x int, y int, label text COLLATE "C");
CREATE TYPE line3 AS (a point3, b point3[]);
CREATE TYPE floats AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE FUNCTION app.cut(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT left(t, 3)';
CREATE FUNCTION app.twice(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE COST 7 AS 'BEGIN RETURN i * 2; END';
CREATE FUNCTION app.some_rows(n int) RETURNS SETOF int LANGUAGE sql STABLE ROWS 33 COST 5 AS 'SELECT generate_series(1, n)';
CREATE FUNCTION app.pair(IN a int, OUT b int, OUT c text) RETURNS SETOF record LANGUAGE plpgsql STABLE ROWS 12 AS 'BEGIN RETURN; END';
CREATE FUNCTION app.with_default(a int, b int DEFAULT 3, VARIADIC c int[] DEFAULT '{}') RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT a + b';
CREATE PROCEDURE app.nothing() LANGUAGE plpgsql AS 'BEGIN END';
CREATE SEQUENCE app.numbers CYCLE;
CREATE TABLE app.person (
    gone1 int, id int GENERATED ALWAYS AS IDENTITY, mail app.short_email, nick app.citext, gone2 text,
    feels mood, moods moods, likes app.colour[], cents pennies, at3 point3, path3 line3, tags hstore, place ltree, box cube,
    num int4range, nums numrange[], spans floats, doc jsonb, blob bytea, ip inet, u uuid, bits bit(7), vb bit varying(9),
    name varchar(40) COLLATE "C", code char(6), small smallint, real4 real, money money, whole numeric(10, 3), xmlish text,
    made timestamp(3), made_z timestamptz, t time, iv interval, flag boolean, full_name text GENERATED ALWAYS AS (name || '!') STORED,
    boss int, words tsvector);
ALTER TABLE app.person DROP COLUMN gone1, DROP COLUMN gone2;
INSERT INTO app.person (mail, nick, feels, moods, likes, cents, at3, path3, tags, place, box, num, nums, spans, doc, blob, ip, u, bits, vb,
    name, code, small, real4, money, whole, xmlish, made, made_z, t, iv, flag, boss, words)
SELECT 'p' || i || '@x', 'Nick' || i % 700, (enum_range(NULL::mood))[1 + (i % 97 > 3)::int + (i % 97 > 20)::int + (i % 97 > 60)::int],
    ARRAY['sad', 'ok']::mood[], ARRAY[(ARRAY['red','green','blue'])[1 + i % 3]]::app.colour[], i % 1000, ROW(i % 9, i % 7, 'l' || i % 5)::point3,
    ROW(ROW(1, 2, 'a')::point3, ARRAY[ROW(3, i % 4, 'b')::point3])::line3, hstore('k' || i % 6, (i % 40)::text), ('top.a' || i % 12 || '.b' || i % 50)::ltree,
    cube(ARRAY[i % 50, i % 70]), int4range(i, i + 1 + i % 100), ARRAY[numrange(i, i + 3)], floats(i, i + (i % 17)::float8),
    jsonb_build_object('k', i % 30, 'who', 'w' || i % 300, 'deep', jsonb_build_object('x', i % 4)), decode(lpad(to_hex(i), 8, '0'), 'hex'),
    ('10.' || i % 4 || '.' || i % 256 || '.7')::inet, md5(i::text)::uuid, (i % 128)::bit(7), ((i % 8)::bit(3))::varbit,
    CASE WHEN i % 10 = 0 THEN NULL ELSE 'Name' || i % 4000 END, 'c' || i % 500, i % 300, i / 7.0, (i % 90)::money, i * 1.5, '<a>' || i % 3 || '</a>',
    timestamp '2023-01-01' + i * interval '17 min', timestamptz '2023-01-01 00:00Z' + i * interval '17 min', time '00:00' + i % 80000 * interval '1 s',
    (i % 33) * interval '1 day', i % 50 = 0, NULLIF(1 + i % 300, 7), to_tsvector('simple', 'w' || i % 90 || ' v' || i % 11)
FROM generate_series(1, 12000) i;
ALTER TABLE app.person ADD PRIMARY KEY (id), ADD CONSTRAINT "odd ""check" CHECK (small >= 0 AND flag IS NOT NULL), ADD FOREIGN KEY (boss) REFERENCES app.person;
CREATE UNIQUE INDEX person_mail ON app.person (mail);
CREATE INDEX person_nick ON app.person (nick);
CREATE INDEX person_cut ON app.person (app.cut(name), feels DESC NULLS LAST) WHERE NOT flag;
CREATE INDEX person_twice ON app.person (app.twice(small));
CREATE INDEX person_tags ON app.person USING gin (tags);
CREATE INDEX person_place ON app.person USING gist (place);
CREATE INDEX person_place_tree ON app.person (place);
CREATE INDEX person_box ON app.person USING gist (box);
CREATE INDEX person_num ON app.person USING gist (num, small);
CREATE INDEX person_spans ON app.person USING gist (spans);
CREATE INDEX person_ip ON app.person USING gist (ip inet_ops);
CREATE INDEX person_doc ON app.person USING gin (doc jsonb_path_ops);
CREATE INDEX person_doc_who ON app.person ((doc ->> 'who'));
CREATE INDEX person_doc_k ON app.person (((doc ->> 'k')::int)) INCLUDE (name);
CREATE INDEX person_u ON app.person USING hash (u);
CREATE INDEX person_made ON app.person USING brin (made) WITH (pages_per_range = 16);
CREATE INDEX person_made_day ON app.person (date(made));
CREATE INDEX person_words ON app.person USING gin (words);
CREATE INDEX person_small_gin ON app.person USING gin (small, likes);
CREATE INDEX person_name_like ON app.person (name varchar_pattern_ops);
CREATE INDEX person_mood ON app.person (feels) WHERE feels = 'sad';
CREATE INDEX person_likes ON app.person (likes, code DESC);
CREATE INDEX person_fill ON app.person (cents) WITH (fillfactor = 60);
CREATE INDEX person_x3 ON app.person (((at3).x));
CREATE STATISTICS app.person_all ON feels, likes, cents FROM app.person;
CREATE STATISTICS person_dep (dependencies) ON small, code, name FROM app.person;
CREATE STATISTICS "Quoted ""Schema"."St""" (ndistinct) ON nick, code FROM app.person;
--since 140000
CREATE STATISTICS app.person_expr ON (doc ->> 'who'), (app.twice(small)), feels FROM app.person;
--since 140000
CREATE STATISTICS app.person_one ON (small % 10) FROM app.person;
--since 130000
ALTER TABLE app.person ALTER COLUMN name SET STATISTICS 500, ALTER COLUMN code SET (n_distinct = -0.2), ALTER COLUMN small SET STATISTICS 5;
CREATE TABLE app.deep (org int NOT NULL, at date NOT NULL, k text, n numeric) PARTITION BY LIST (org);
CREATE TABLE app.deep_1 PARTITION OF app.deep FOR VALUES IN (1, 2) PARTITION BY RANGE (at);
CREATE TABLE app.deep_1_old PARTITION OF app.deep_1 FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE app.deep_1_new PARTITION OF app.deep_1 FOR VALUES FROM ('2024-01-01') TO (MAXVALUE) PARTITION BY HASH (k);
CREATE TABLE app.deep_1_h0 PARTITION OF app.deep_1_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.deep_1_h1 PARTITION OF app.deep_1_new FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE app.deep_null PARTITION OF app.deep DEFAULT PARTITION BY RANGE (n, lower(k));
CREATE TABLE app.deep_null_a PARTITION OF app.deep_null FOR VALUES FROM (0, 'a') TO (500, 'b');
CREATE TABLE app.deep_null_rest PARTITION OF app.deep_null DEFAULT;
CREATE TABLE app.deep_late (k text, n numeric, x int, org int NOT NULL, at date NOT NULL);
ALTER TABLE app.deep_late DROP COLUMN x;
ALTER TABLE app.deep ATTACH PARTITION app.deep_late FOR VALUES IN (9);
CREATE INDEX deep_k ON app.deep (k, at DESC);
CREATE UNIQUE INDEX deep_late_u ON app.deep_late (n) WHERE n > 0;
CREATE INDEX deep_only ON ONLY app.deep (n);
INSERT INTO app.deep SELECT 1 + i % 10, date '2023-06-01' + i % 400, 'k' || i % 900, i % 1500 FROM generate_series(1, 20000) i WHERE 1 + i % 10 <> 9;
INSERT INTO app.deep SELECT 9, date '2023-06-01' + i % 400, 'k' || i % 900, i FROM generate_series(1, 9000) i;
CREATE TABLE base (id serial PRIMARY KEY, v text, w int CHECK (w > -5));
CREATE TABLE derived (extra int) INHERITS (base);
CREATE TABLE twice_derived (more text) INHERITS (derived);
CREATE TABLE side (s int);
CREATE TABLE mixed () INHERITS (base, side);
INSERT INTO base (v, w) SELECT 'b' || i % 50, i % 100 FROM generate_series(1, 3000) i;
INSERT INTO derived (v, w, extra) SELECT 'd' || i % 50, i % 100, i FROM generate_series(1, 4000) i;
INSERT INTO mixed (v, w, s) SELECT 'm' || i % 50, i % 100, i FROM generate_series(1, 5000) i;
CREATE INDEX derived_w ON derived (w);
CREATE TABLE kept (k int PRIMARY KEY, v text);
CREATE UNLOGGED TABLE scratch (k int PRIMARY KEY, v text);
INSERT INTO scratch SELECT i, 's' || i FROM generate_series(1, 6000) i;
CREATE TEMP TABLE passing (id int);
CREATE TABLE app.secret (id int PRIMARY KEY, owner_name text, v int);
INSERT INTO app.secret SELECT i, 'o' || i % 20, i % 77 FROM generate_series(1, 8000) i;
ALTER TABLE app.secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.secret USING (owner_name = current_user);
CREATE TABLE big_toast (id int PRIMARY KEY, body text, tail text);
ALTER TABLE big_toast ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO big_toast SELECT i, repeat(md5(i::text), 200), 't' || i % 40 FROM generate_series(1, 900) i;
CREATE TABLE "Quoted ""Schema"."Tab;le -- x" ("Col umn" int PRIMARY KEY, "sel""ect" text, "$1" int, "é🙂" text);
INSERT INTO "Quoted ""Schema"."Tab;le -- x" SELECT i, 'q' || i % 5, i % 9, 'é' || i % 77 FROM generate_series(1, 5000) i;
CREATE INDEX "in""dex;" ON "Quoted ""Schema"."Tab;le -- x" ("é🙂", lower("sel""ect"));
CREATE TABLE excl (room int, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (room > 0));
INSERT INTO excl SELECT i % 50, tsrange(timestamp '2024-01-01' + i * interval '1 day', timestamp '2024-01-01' + i * interval '1 day' + interval '1 hour') FROM generate_series(1, 2000) i;
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, p int);
ALTER TABLE deferred ADD FOREIGN KEY (p) REFERENCES kept (k) NOT VALID;
CREATE VIEW app.v1 AS SELECT id, mail, app.cut(name) AS cut, feels FROM app.person WHERE small < 200;
CREATE VIEW app.v2 WITH (security_barrier) AS SELECT v.*, d.n FROM app.v1 v JOIN app.deep d ON d.k = v.cut;
CREATE VIEW v3 (a, b) AS SELECT id, feels FROM app.v1 UNION ALL SELECT w, 'ok' FROM base;
CREATE VIEW checked AS SELECT * FROM kept WHERE k > 3 WITH CASCADED CHECK OPTION;
CREATE RECURSIVE VIEW chain (id, boss) AS SELECT id, boss FROM app.person WHERE id = 1 UNION ALL SELECT p.id, p.boss FROM app.person p JOIN chain c ON p.boss = c.id;
CREATE MATERIALIZED VIEW app.m1 AS SELECT cut, feels, count(*) AS n FROM app.v1 GROUP BY 1, 2;
CREATE UNIQUE INDEX m1_key ON app.m1 (cut, feels);
CREATE MATERIALIZED VIEW m2 AS SELECT n, count(*) AS c FROM app.m1 GROUP BY n;
--since 180000
CREATE TABLE modern (id int PRIMARY KEY, a int NOT NULL, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c text GENERATED ALWAYS AS (upper(d)) VIRTUAL, d text);
--since 180000
INSERT INTO modern (id, a, d) SELECT i, i % 300, 'd' || i % 60 FROM generate_series(1, 9000) i;
--since 180000
ALTER TABLE modern ADD CONSTRAINT soft CHECK (a < 1000) NOT ENFORCED, ADD CONSTRAINT d_there NOT NULL d NOT VALID;
--since 140000
CREATE TABLE multi (id int PRIMARY KEY, during datemultirange, custom floats_multirange);
--since 140000
INSERT INTO multi SELECT i, datemultirange(daterange(date '2024-01-01' + i % 300, date '2024-01-09' + i % 300)), floats_multirange(floats(i, i + 2)) FROM generate_series(1, 5000) i;
--since 140000
CREATE INDEX multi_during ON multi USING gist (during);
--since 140000
CREATE TABLE squeezed (id int, body text COMPRESSION pglz);
--since 150000
CREATE UNIQUE INDEX person_nnd ON app.person (u, id) NULLS NOT DISTINCT;
--since 150000
CREATE VIEW invoking WITH (security_invoker) AS SELECT * FROM base;
--since 140000
CREATE FUNCTION app.body(a int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a + 1; END;
--since 140000
CREATE INDEX person_body ON app.person (app.body(small));
CREATE COLLATION app.german (provider = libc, locale = 'C');
CREATE TYPE app.texts AS RANGE (subtype = text, collation = "C", subtype_opclass = text_pattern_ops);
CREATE TABLE worded (id int PRIMARY KEY, de text COLLATE app.german, c text COLLATE "C", span app.texts);
INSERT INTO worded SELECT i, 'ä' || i, 'c' || i, app.texts('a' || i % 9, 'b') FROM generate_series(1, 3000) i;
CREATE INDEX worded_de ON worded (de);
CREATE INDEX worded_c ON worded (c);
CREATE VIEW worded_view AS SELECT id, c < 'c5' COLLATE app.german AS early FROM worded;
VACUUM ANALYZE;
INSERT INTO base (v, w) SELECT 'late' || i % 50, i % 100 FROM generate_series(1, 900) i
