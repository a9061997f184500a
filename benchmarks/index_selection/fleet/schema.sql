CREATE TABLE tenant (
  id serial PRIMARY KEY, slug text NOT NULL UNIQUE, name text NOT NULL, plan text NOT NULL, created_at timestamptz NOT NULL,
  suspended_at timestamptz
);
CREATE TABLE member (
  id serial PRIMARY KEY, tenant_id integer NOT NULL, email text NOT NULL, display_name text NOT NULL, role text NOT NULL,
  active boolean NOT NULL, last_active_at timestamptz, created_at timestamptz NOT NULL
);
CREATE TABLE api_key (
  id serial PRIMARY KEY, tenant_id integer NOT NULL, token_hash text NOT NULL, created_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE TABLE vehicle (
  id serial PRIMARY KEY, tenant_id integer NOT NULL, plate text NOT NULL, vin text NOT NULL, model text NOT NULL,
  odometer_km integer NOT NULL, status text NOT NULL, driver_id integer, last_lat real, last_lon real,
  last_seen_at timestamptz, archived_at timestamptz
) WITH (fillfactor = 80);
CREATE TABLE position_report (
  id bigserial PRIMARY KEY, vehicle_id integer NOT NULL, tenant_id integer NOT NULL, recorded_at timestamptz NOT NULL,
  lat real NOT NULL, lon real NOT NULL, speed_kmh smallint NOT NULL, heading smallint NOT NULL, ignition boolean NOT NULL
);
CREATE TABLE trip (
  id bigserial PRIMARY KEY, tenant_id integer NOT NULL, vehicle_id integer NOT NULL, driver_id integer,
  started_at timestamptz NOT NULL, ended_at timestamptz, distance_km numeric(8,1) NOT NULL, purpose text
);
CREATE TABLE fault (
  id bigserial PRIMARY KEY, vehicle_id integer NOT NULL, tenant_id integer NOT NULL, code text NOT NULL,
  severity smallint NOT NULL, raised_at timestamptz NOT NULL, cleared_at timestamptz
);
CREATE TABLE maintenance (
  id serial PRIMARY KEY, tenant_id integer NOT NULL, vehicle_id integer NOT NULL, kind text NOT NULL, due_on date NOT NULL,
  done_on date, cost numeric(8,2)
);
CREATE TABLE ticket (
  id serial PRIMARY KEY, tenant_id integer NOT NULL, number integer NOT NULL, state text NOT NULL,
  priority smallint NOT NULL, subject text NOT NULL, assignee_id integer, vehicle_id integer, external_ref text,
  meta jsonb NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, due_at timestamptz,
  deleted_at timestamptz
);
CREATE TABLE ticket_comment (
  id bigserial PRIMARY KEY, ticket_id integer NOT NULL, author_id integer NOT NULL, internal boolean NOT NULL,
  body text NOT NULL, created_at timestamptz NOT NULL
);
CREATE TABLE ticket_watcher (
  ticket_id integer NOT NULL, member_id integer NOT NULL, PRIMARY KEY (ticket_id, member_id)
);
CREATE TABLE audit_entry (
  id bigserial PRIMARY KEY, tenant_id integer NOT NULL, actor_id integer, action text NOT NULL, object_type text NOT NULL,
  object_id integer NOT NULL, detail jsonb NOT NULL, at timestamptz NOT NULL
);
CREATE TABLE outbox (
  id bigserial PRIMARY KEY, tenant_id integer NOT NULL, channel text NOT NULL, body jsonb NOT NULL,
  created_at timestamptz NOT NULL, send_after timestamptz NOT NULL, sent_at timestamptz, tries smallint NOT NULL
);
CREATE TABLE webhook_delivery (
  id bigserial PRIMARY KEY, tenant_id integer NOT NULL, event text NOT NULL, url text NOT NULL, response_code smallint,
  attempted_at timestamptz NOT NULL, next_try_at timestamptz
);
CREATE FUNCTION pg_temp.skew(count integer, power float8) RETURNS integer LANGUAGE sql VOLATILE
  RETURN (1 + floor(count * power(random(), power))::bigint * 7919 % count)::integer;
