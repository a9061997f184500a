SELECT setseed(0.42);
CREATE EXTENSION pg_trgm;
CREATE TYPE mood AS ENUM ('calm', 'glad', 'sad');
CREATE TABLE account (
    id bigint NOT NULL, uid uuid NOT NULL, ordered_uid uuid NOT NULL, email text NOT NULL, name text NOT NULL, country char(2) NOT NULL,
    created timestamptz NOT NULL, active boolean NOT NULL, balance numeric(12, 2), reference numeric, tags text[] NOT NULL, note text,
    bio text NOT NULL, blurb text NOT NULL, kind smallint NOT NULL, score float8 NOT NULL, born date, address inet NOT NULL,
    code varchar(12) NOT NULL, doc jsonb NOT NULL, mood mood NOT NULL, deleted_at timestamptz, few int NOT NULL, pairs int NOT NULL,
    skewed int NOT NULL, fixed char(20) NOT NULL, fingerprint bytea NOT NULL, stay daterange NOT NULL, words tsvector NOT NULL);
INSERT INTO account
SELECT i, md5(i::text)::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
       lower(substr(md5(i::text), 1, 3 + (random() * 12)::int)) || i || '@' || (ARRAY['example.org', 'mail.example', 'x.de'])[1 + (i % 3)],
       initcap(substr(md5((i / 3)::text), 1, 2 + (random() * random() * 25)::int)),
       (ARRAY['de','de','de','de','us','us','fr','pl','it','ch'])[1 + floor(random() * 10)::int],
       timestamptz '2020-01-01Z' + i * interval '7 minutes' + random() * interval '1 hour', random() < 0.93,
       CASE WHEN random() < 0.8 THEN (random() * 10000)::numeric(12, 2) END, (random() * 1e15)::bigint::numeric / 1000,
       ARRAY['t' || (random() * 30)::int, 't' || (random() * random() * 300)::int],
       CASE WHEN random() < 0.3 THEN 'note ' || md5(i::text) END,
       (SELECT string_agg(md5((i * 10 + j)::text), ' ') FROM generate_series(1, 2 + i % 6) j),
       repeat('lorem ipsum dolor ' || (i % 1000) || ' ', 20 + i % 30), (random() * random() * 40)::int, random() * 1000,
       CASE WHEN random() < 0.9 THEN date '1940-01-01' + (random() * 25000)::int END, ('10.' || i % 200 || '.' || i / 200 % 250 || '.7')::inet,
       'C' || lpad((random() * 99999)::int::text, 5, '0'),
       jsonb_build_object('plan', (ARRAY['free', 'team', 'gold'])[1 + floor(random() * 3)::int], 'seats', (random() * 50)::int),
       (ARRAY['calm', 'glad', 'sad'])[1 + floor(random() * 3)::int]::mood,
       CASE WHEN random() < 0.05 THEN timestamptz '2024-01-01Z' + random() * interval '300 days' END,
       (random() * 6)::int, i / 2, (exp(random() * 10))::int, left(md5((i % 5000)::text), 9 + i % 9), decode(md5((i % 20000)::text), 'hex'),
       daterange(date '2024-01-01' + i % 700, date '2024-01-03' + i % 700 + i % 9), to_tsvector('simple', 'w' || (random() * 900)::int || ' v' || i % 50)
FROM generate_series(1, :rows) i;
CREATE TABLE part_supply (part_id int NOT NULL, seller_id int NOT NULL, PRIMARY KEY (part_id, seller_id));
INSERT INTO part_supply SELECT p, (p + s * 131) % 500 FROM generate_series(1, :rows / 40) p, generate_series(1, 4) s;
CREATE TABLE entry (
    id bigint NOT NULL, account_id int NOT NULL, line smallint NOT NULL, day date NOT NULL, shipped date NOT NULL, status text NOT NULL,
    region text NOT NULL, city text NOT NULL, part_id int NOT NULL, seller_id int NOT NULL, amount numeric(10, 2) NOT NULL,
    processed boolean NOT NULL, retry int NOT NULL, zip text NOT NULL, district text NOT NULL);
INSERT INTO entry
SELECT i, 1 + (power(random(), 3) * :rows)::int % :rows, 1 + i % 4, date '2023-01-01' + (i / (:rows / 300))::int,
       date '2023-01-01' + (i / (:rows / 300))::int + (random() * 30)::int,
       (ARRAY['new', 'paid', 'paid', 'sent', 'sent', 'sent', 'done', 'done', 'done', 'done', 'done', 'done'])[1 + floor(random() * 12)::int],
       'region ' || c / 40, 'city ' || c, p, (p + (1 + floor(random() * 4)::int) * 131) % 500,
       round((random() * random() * 900)::numeric, 2), random() > 0.02, CASE WHEN random() < 0.9 THEN 0 ELSE (random() * 20)::int END,
       'z' || d, 'district ' || d / 12
FROM (SELECT i, (random() * 399)::int AS c, 1 + (random() * (:rows / 40 - 1))::int AS p, (random() * 2399)::int AS d
      FROM generate_series(1, :rows * 2) i) s;
ALTER TABLE entry ADD FOREIGN KEY (part_id, seller_id) REFERENCES part_supply;
CREATE STATISTICS entry_place (ndistinct) ON region, city FROM entry;
CREATE STATISTICS entry_zip (dependencies) ON zip, district FROM entry;
VACUUM ANALYZE;
