-- Runs to 2025-07-01. A member, vehicle or ticket belongs to the tenant that its id says (see draws.py): big tenants first.
SET timezone = 'UTC';
INSERT INTO tenant (slug, name, plan, created_at, suspended_at)
SELECT 'tenant-' || g, 'Tenant ' || g, (ARRAY['free', 'team', 'team', 'business', 'enterprise'])[1 + floor(5 * random())::int],
       '2022-01-01'::timestamptz + g * interval '2 days', CASE WHEN random() < 0.05 THEN '2025-03-01'::timestamptz END
FROM generate_series(1, 500) g;
INSERT INTO member (tenant_id, email, display_name, role, active, last_active_at, created_at)
SELECT 1 + floor(500 * power((g::bigint * 7919 % 50021) / 50021.0, 3))::int,
       CASE WHEN g % 4 = 0 THEN 'Member.' ELSE 'member.' END || g || '@company' || g % 977 || '.example', 'Member ' || g,
       (ARRAY['driver', 'driver', 'driver', 'driver', 'dispatcher', 'mechanic', 'admin'])[1 + floor(7 * random())::int],
       random() < 0.85, CASE WHEN random() < 0.9 THEN '2025-07-01'::timestamptz - 300 * power(random(), 3) * interval '1 day' END,
       '2022-01-01'::timestamptz + 1270 * (g / 50000.0) * interval '1 day'
FROM generate_series(1, 50000) g;
INSERT INTO api_key (tenant_id, token_hash, created_at, revoked_at)
SELECT 1 + floor(500 * power(random(), 3))::int, md5('key' || g), '2022-01-01'::timestamptz + g * interval '3 hours',
       CASE WHEN random() < 0.7 THEN '2025-05-01'::timestamptz END
FROM generate_series(1, 9000) g;
INSERT INTO vehicle (tenant_id, plate, vin, model, odometer_km, status, driver_id, last_lat, last_lon, last_seen_at,
                     archived_at)
SELECT 1 + floor(500 * power((g::bigint * 7919 % 60013) / 60013.0, 3))::int,
       'F' || chr(65 + g % 26) || ' ' || lpad(g::text, 6, '0'), upper(substr(md5('vin' || g), 1, 17)),
       'Model ' || pg_temp.skew(60, 2), (300000 * power(random(), 1.5))::int,
       (ARRAY['active', 'active', 'active', 'active', 'active', 'active', 'active', 'workshop', 'idle', 'idle'])
         [1 + floor(10 * random())::int],
       CASE WHEN random() < 0.6 THEN 1 + floor(50000 * random())::int END, 45 + 10 * random(), 5 + 15 * random(),
       '2025-07-01'::timestamptz - 200 * power(random(), 6) * interval '1 day',
       CASE WHEN random() < 0.15 THEN '2025-01-01'::timestamptz END
FROM generate_series(1, 60000) g;
INSERT INTO position_report (vehicle_id, tenant_id, recorded_at, lat, lon, speed_kmh, heading, ignition)
SELECT vehicle, 1 + floor(500 * power((vehicle::bigint * 7919 % 60013) / 60013.0, 3))::int,
       '2025-06-01'::timestamptz + 30 * (g / 1500000.0) * interval '1 day', 45 + 10 * random(), 5 + 15 * random(),
       greatest(0, 130 - floor(160 * power(random(), 0.8))::int), floor(360 * random())::int, random() < 0.9
FROM (SELECT g, pg_temp.skew(60000, 1.8) AS vehicle FROM generate_series(1, 1500000) g) made;
INSERT INTO trip (tenant_id, vehicle_id, driver_id, started_at, ended_at, distance_km, purpose)
SELECT 1 + floor(500 * power((vehicle::bigint * 7919 % 60013) / 60013.0, 3))::int, vehicle,
       CASE WHEN random() < 0.8 THEN 1 + floor(50000 * power(random(), 1.5))::int END, started,
       CASE WHEN g < 498500 OR random() < 0.3 THEN started + 3 * random() * interval '1 hour' END,
       round((400 * power(random(), 2.5))::numeric, 1),
       CASE WHEN random() < 0.15 THEN (ARRAY['private', 'commute', 'delivery'])[1 + floor(3 * random())::int] END
FROM (SELECT g, pg_temp.skew(60000, 1.8) AS vehicle,
             '2024-01-01'::timestamptz + 547 * (g / 500000.0) * interval '1 day' AS started
      FROM generate_series(1, 500000) g) made;
INSERT INTO fault (vehicle_id, tenant_id, code, severity, raised_at, cleared_at)
SELECT vehicle, 1 + floor(500 * power((vehicle::bigint * 7919 % 60013) / 60013.0, 3))::int,
       'P' || lpad((pg_temp.skew(800, 2.5))::text, 4, '0'), 1 + floor(5 * power(random(), 2.5))::int, raised,
       CASE WHEN random() < 0.985 AND g < 349000 THEN raised + 5 * random() * interval '1 day' END
FROM (SELECT g, pg_temp.skew(60000, 2.2) AS vehicle,
             '2023-01-01'::timestamptz + 912 * (g / 350000.0) * interval '1 day' AS raised
      FROM generate_series(1, 350000) g) made;
INSERT INTO maintenance (tenant_id, vehicle_id, kind, due_on, done_on, cost)
SELECT 1 + floor(500 * power((vehicle::bigint * 7919 % 60013) / 60013.0, 3))::int, vehicle,
       (ARRAY['oil', 'oil', 'tyres', 'brakes', 'inspection'])[1 + floor(5 * random())::int], due,
       CASE WHEN due < '2025-06-20' AND random() < 0.985 THEN due + floor(9 * random() - 4)::int END,
       CASE WHEN due < '2025-06-20' THEN round((40 + 900 * power(random(), 3))::numeric, 2) END
FROM (SELECT g, pg_temp.skew(60000, 1.5) AS vehicle, '2023-01-01'::date + (1000 * (g / 180000.0))::int AS due
      FROM generate_series(1, 180000) g) made;
INSERT INTO ticket (tenant_id, number, state, priority, subject, assignee_id, vehicle_id, external_ref, meta, created_at,
                    updated_at, due_at, deleted_at)
SELECT 1 + floor(500 * power((g::bigint * 7919 % 220009) / 220009.0, 3))::int, 1000 + g, state,
       1 + floor(4 * power(random(), 0.5))::int,
       (ARRAY['Broken ', 'Missing ', 'Late ', 'Question on ', 'Crash of '])[1 + floor(5 * random())::int] ||
       (ARRAY['door', 'report', 'delivery', 'invoice', 'tracker', 'mirror', 'tyre'])[1 + floor(7 * random())::int] || ' ' || g,
       CASE WHEN state = 'new' THEN NULL WHEN random() < 0.9 THEN 1 + floor(3000 * power(random(), 2))::int END,
       CASE WHEN random() < 0.5 THEN pg_temp.skew(60000, 1.8) END,
       CASE WHEN random() < 0.2 THEN 'EXT-' || substr(md5('ref' || g), 1, 12) END,
       jsonb_build_object('source', (ARRAY['mail', 'app', 'phone', 'api'])[1 + floor(4 * power(random(), 1.5))::int],
                          'region', 'r' || floor(40 * power(random(), 2))::int), created,
       created + 20 * power(random(), 3) * interval '1 day',
       CASE WHEN random() < 0.4 THEN created + 7 * interval '1 day' END,
       CASE WHEN random() < 0.03 THEN created + interval '1 day' END
FROM (SELECT g, '2023-01-01'::timestamptz + 912 * power(g / 220000.0, 0.8) * interval '1 day' AS created,
             CASE WHEN g > 217500 THEN (ARRAY['new', 'open', 'open', 'waiting', 'closed'])[1 + floor(5 * random())::int]
                  WHEN random() < 0.006 THEN (ARRAY['open', 'waiting'])[1 + floor(2 * random())::int]
                  ELSE 'closed' END AS state
      FROM generate_series(1, 220000) g) made;
INSERT INTO ticket_comment (ticket_id, author_id, internal, body, created_at)
SELECT 1 + g / 2, 1 + floor(50000 * power(random(), 2))::int, random() < 0.2,
       repeat('Looked at it again today. ', 1 + floor(8 * power(random(), 2))::int),
       '2023-01-01'::timestamptz + 912 * power(g / 440000.0, 0.8) * interval '1 day' + interval '2 hours'
FROM generate_series(1, 439998) g;
INSERT INTO ticket_watcher
SELECT DISTINCT 1 + g % 220000, 1 + floor(3000 * power(random(), 2))::int FROM generate_series(1, 300000) g;
INSERT INTO audit_entry (tenant_id, actor_id, action, object_type, object_id, detail, at)
SELECT 1 + floor(500 * power(random(), 3))::int, CASE WHEN random() < 0.85 THEN pg_temp.skew(50000, 2) END,
       (ARRAY['view', 'update', 'update', 'create', 'export', 'delete'])[1 + floor(6 * power(random(), 1.5))::int],
       (ARRAY['vehicle', 'vehicle', 'ticket', 'ticket', 'ticket', 'member', 'trip'])[1 + floor(7 * random())::int],
       pg_temp.skew(50000, 1.5), jsonb_build_object('ip', '10.0.' || g % 250 || '.' || g % 199, 'ok', g % 50 <> 0),
       '2024-07-01'::timestamptz + 365 * (g / 600000.0) * interval '1 day'
FROM generate_series(1, 600000) g;
INSERT INTO outbox (tenant_id, channel, body, created_at, send_after, sent_at, tries)
SELECT 1 + floor(500 * power(random(), 3))::int, (ARRAY['mail', 'mail', 'push', 'sms'])[1 + floor(4 * random())::int],
       jsonb_build_object('to', 'member.' || g % 50000, 'template', 'alert-' || g % 30), made, made + interval '1 minute',
       CASE WHEN g < 299500 AND random() < 0.9995 THEN made + interval '2 minutes' END,
       CASE WHEN g < 299500 THEN 1 ELSE 0 END
FROM (SELECT g, '2025-01-01'::timestamptz + 181 * (g / 300000.0) * interval '1 day' AS made
      FROM generate_series(1, 300000) g) made;
INSERT INTO webhook_delivery (tenant_id, event, url, response_code, attempted_at, next_try_at)
SELECT 1 + floor(500 * power(random(), 4))::int,
       (ARRAY['trip.ended', 'trip.ended', 'fault.raised', 'ticket.updated'])[1 + floor(4 * random())::int],
       'https://hooks.example/' || g % 900, CASE WHEN failed THEN 503 WHEN random() < 0.01 THEN NULL ELSE 200 END,
       '2025-04-01'::timestamptz + 91 * (g / 350000.0) * interval '1 day',
       CASE WHEN failed AND g > 300000 THEN '2025-07-01'::timestamptz + (random() - 0.5) * interval '1 day' END
FROM (SELECT g, random() < 0.01 AS failed FROM generate_series(1, 350000) g) made;
ALTER TABLE ticket_comment ADD FOREIGN KEY (ticket_id) REFERENCES ticket ON DELETE CASCADE;
ALTER TABLE ticket_watcher ADD FOREIGN KEY (ticket_id) REFERENCES ticket ON DELETE CASCADE;
ALTER TABLE maintenance ADD FOREIGN KEY (vehicle_id) REFERENCES vehicle;
CREATE INDEX ticket_tenant_id_idx ON ticket (tenant_id);
CREATE INDEX vehicle_tenant_id_idx ON vehicle (tenant_id);
CREATE INDEX vehicle_tenant_id_status_idx ON vehicle (tenant_id, status);
CREATE INDEX audit_entry_action_idx ON audit_entry (action);
