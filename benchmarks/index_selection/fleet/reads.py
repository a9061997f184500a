"""What the fleet service reads. `calls` is for one busy hour."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.index_selection.fleet.draws import FleetDraw, tenant_of_ticket
from benchmarks.index_selection.templates import Template

T = Template[FleetDraw]

ACCESS = (
    T(
        "tenant_by_slug",
        50_000,
        "SELECT * FROM tenant WHERE slug = {slug}",
        lambda d: {"slug": f"'tenant-{d.tenant()}'"},
    ),
    T("member_by_id", 70_000, "SELECT * FROM member WHERE id = {id}", lambda d: {"id": d.member()}),
    T(
        "sign_in",
        6_000,
        "SELECT id, tenant_id, role FROM member WHERE lower(email) = lower({email}) AND active",
        lambda d: {"email": d.email()},
    ),
    T(
        "api_call",
        60_000,
        "SELECT tenant_id FROM api_key WHERE token_hash = {hash} AND revoked_at IS NULL",
        lambda d: {"hash": d.token_hash()},
    ),
    T(
        "drivers_of_tenant",
        1_500,
        "SELECT id, display_name FROM member WHERE tenant_id = {tenant} AND role = 'driver' AND active"
        " ORDER BY display_name LIMIT 50",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "recently_active",
        120,
        "SELECT id, display_name, last_active_at FROM member WHERE tenant_id = {tenant} AND last_active_at >= {since}",
        lambda d: {"tenant": d.tenant(), "since": d.ago(0.2, 3)},
    ),
)
VEHICLES = (
    T("vehicle_by_id", 40_000, "SELECT * FROM vehicle WHERE id = {id}", lambda d: {"id": d.vehicle()}),
    T("vehicle_by_vin", 900, "SELECT id, plate, model FROM vehicle WHERE vin = {vin}", lambda d: {"vin": d.vin()}),
    T(
        "vehicle_by_plate",
        3_000,
        "SELECT id, tenant_id, plate FROM vehicle WHERE lower(plate) = {plate} AND archived_at IS NULL",
        lambda d: {"plate": d.plate()},
    ),
    T(
        "fleet_map",
        4_000,
        "SELECT id, plate, last_lat, last_lon FROM vehicle WHERE tenant_id = {tenant} AND archived_at IS NULL"
        " AND last_seen_at >= {since}",
        lambda d: {"tenant": d.tenant(), "since": d.ago(0.01, 0.1)},
    ),
    T(
        "in_workshop",
        500,
        "SELECT id, plate, odometer_km FROM vehicle WHERE tenant_id = {tenant} AND status = 'workshop' ORDER BY plate",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "silent",
        60,
        "SELECT id, tenant_id, last_seen_at FROM vehicle WHERE archived_at IS NULL AND last_seen_at < {before}"
        " ORDER BY last_seen_at LIMIT 100",
        lambda d: {"before": d.ago(60, 120)},
    ),
    T(
        "vehicles_of_driver",
        1_200,
        "SELECT id, plate FROM vehicle WHERE driver_id = {id}",
        lambda d: {"id": d.member()},
    ),
)
TELEMETRY = (
    T(
        "last_position",
        9_000,
        "SELECT recorded_at, lat, lon, speed_kmh FROM position_report WHERE vehicle_id = {id}"
        " ORDER BY recorded_at DESC LIMIT 1",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "track",
        2_000,
        "SELECT recorded_at, lat, lon FROM position_report WHERE vehicle_id = {id} AND recorded_at BETWEEN {start}"
        " AND {end}"
        " ORDER BY recorded_at",
        lambda d: {"id": d.vehicle(), "start": f"'{(day := d.day(1, 25))} 00:00Z'", "end": f"'{day} 23:59Z'"},
    ),
    T(
        "speeding",
        90,
        "SELECT vehicle_id, recorded_at, speed_kmh FROM position_report WHERE tenant_id = {tenant} AND speed_kmh > 128"
        " AND recorded_at >= {since}",
        lambda d: {"tenant": d.tenant(), "since": d.ago(1, 7)},
    ),
    T(
        "day_count",
        24,
        "SELECT count(*), count(DISTINCT vehicle_id) FROM position_report"
        " WHERE (recorded_at AT TIME ZONE 'UTC')::date = {day}",
        lambda d: {"day": f"'{d.day(1, 28)}'"},
    ),
    T(
        "recent_positions",
        60,
        "SELECT vehicle_id, max(recorded_at) FROM position_report WHERE recorded_at >= {since} GROUP BY vehicle_id",
        lambda d: {"since": d.ago(0.01, 0.05)},
    ),
    T(
        "trips_of_vehicle",
        1_800,
        "SELECT id, started_at, ended_at, distance_km FROM trip WHERE vehicle_id = {id} ORDER BY started_at DESC"
        " LIMIT 20",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "running_trips",
        2_400,
        "SELECT id, vehicle_id, started_at FROM trip WHERE tenant_id = {tenant} AND ended_at IS NULL"
        " ORDER BY started_at",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "driver_month",
        300,
        "SELECT count(*), sum(distance_km) FROM trip WHERE driver_id = {id} AND started_at >= {start}"
        " AND started_at < {end}",
        lambda d: {
            "id": d.key(20_000),
            "start": f"'{(day := d.day(40, 300).replace(day=1))}'",
            "end": f"'{(day + timedelta(days=32)).replace(day=1)}'",
        },
    ),
    T(
        "private_trips",
        20,
        "SELECT vehicle_id, sum(distance_km) FROM trip WHERE tenant_id = {tenant} AND purpose = 'private'"
        " AND started_at >= {since} GROUP BY vehicle_id",
        lambda d: {"tenant": d.tenant(), "since": d.ago(30, 90)},
    ),
    T(
        "open_faults",
        3_000,
        "SELECT f.id, f.code, f.severity, f.raised_at, v.plate FROM fault f JOIN vehicle v ON v.id = f.vehicle_id"
        " WHERE f.tenant_id = {tenant} AND f.cleared_at IS NULL ORDER BY f.severity DESC, f.raised_at LIMIT 50",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "faults_of_vehicle",
        1_500,
        "SELECT code, severity, raised_at, cleared_at FROM fault WHERE vehicle_id = {id} ORDER BY raised_at DESC"
        " LIMIT 30",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "code_history",
        40,
        "SELECT date_trunc('month', raised_at), count(*) FROM fault WHERE code = {code} GROUP BY 1 ORDER BY 1",
        lambda d: {"code": f"'P{d.skew(800, 2.5):04d}'"},
    ),
    T(
        "maintenance_due",
        600,
        "SELECT m.id, m.kind, m.due_on, v.plate FROM maintenance m JOIN vehicle v ON v.id = m.vehicle_id"
        " WHERE m.tenant_id = {tenant} AND m.done_on IS NULL AND m.due_on <= {day} ORDER BY m.due_on",
        lambda d: {"tenant": d.tenant(), "day": f"'{d.day(-30, 0)}'"},
    ),
    T(
        "maintenance_cost",
        30,
        "SELECT kind, count(*), sum(cost) FROM maintenance WHERE tenant_id = {tenant} AND done_on >= {day}"
        " GROUP BY kind",
        lambda d: {"tenant": d.tenant(), "day": f"'{d.day(60, 300)}'"},
    ),
)
TICKETS = (
    T(
        "ticket_by_number",
        8_000,
        "SELECT * FROM ticket WHERE tenant_id = {tenant} AND number = {number} AND deleted_at IS NULL",
        lambda d: {"tenant": tenant_of_ticket(ticket := d.ticket()), "number": 1000 + ticket},
    ),
    T(
        "inbox",
        5_000,
        "SELECT id, number, subject, priority, updated_at FROM ticket WHERE tenant_id = {tenant}"
        " AND state IN ('new', 'open') AND deleted_at IS NULL ORDER BY priority DESC, updated_at DESC LIMIT 30",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "my_tickets",
        4_000,
        "SELECT id, number, subject, due_at FROM ticket WHERE assignee_id = {agent} AND state <> 'closed'"
        " AND deleted_at IS NULL ORDER BY due_at",
        lambda d: {"agent": d.agent()},
    ),
    T(
        "unassigned",
        800,
        "SELECT id, tenant_id, subject FROM ticket WHERE assignee_id IS NULL AND state = 'new' ORDER BY created_at"
        " LIMIT 50",
    ),
    T(
        "overdue",
        288,
        "SELECT id, tenant_id, assignee_id FROM ticket WHERE due_at < {now} AND state <> 'closed'",
        lambda d: {"now": d.ago(0, 0.1)},
    ),
    T(
        "by_reference",
        1_500,
        "SELECT id, number, state FROM ticket WHERE external_ref = {reference}",
        lambda d: {"reference": d.reference()},
    ),
    T(
        "by_region",
        60,
        "SELECT count(*) FROM ticket WHERE tenant_id = {tenant} AND meta ->> 'region' = {region}"
        " AND created_at >= {since}",
        lambda d: {
            "tenant": d.tenant(),
            "region": f"'r{int(40 * d.random.random() ** 2)}'",
            "since": d.ago(20, 90),
        },
    ),
    T(
        "tickets_of_vehicle",
        500,
        "SELECT id, number, state, subject FROM ticket WHERE vehicle_id = {id} AND deleted_at IS NULL"
        " ORDER BY created_at DESC",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "comments",
        9_000,
        "SELECT c.id, c.body, c.internal, c.created_at, m.display_name FROM ticket_comment c"
        " JOIN member m ON m.id = c.author_id WHERE c.ticket_id = {id} ORDER BY c.created_at",
        lambda d: {"id": d.ticket()},
    ),
    T(
        "comments_by_author",
        60,
        "SELECT ticket_id, created_at FROM ticket_comment WHERE author_id = {id} ORDER BY created_at DESC LIMIT 50",
        lambda d: {"id": d.skew(50_000, 2)},
    ),
    T(
        "watchers",
        6_000,
        "SELECT m.id, m.email FROM ticket_watcher w JOIN member m ON m.id = w.member_id WHERE w.ticket_id = {id}",
        lambda d: {"id": d.ticket()},
    ),
    T(
        "watched",
        700,
        "SELECT t.id, t.number, t.subject FROM ticket_watcher w JOIN ticket t ON t.id = w.ticket_id"
        " WHERE w.member_id = {id} AND t.state <> 'closed' ORDER BY t.updated_at DESC",
        lambda d: {"id": d.agent()},
    ),
    T(
        "ticket_volume",
        12,
        "SELECT date_trunc('day', created_at), count(*) FROM ticket WHERE tenant_id = {tenant}"
        " AND created_at >= {since}"
        " GROUP BY 1 ORDER BY 1",
        lambda d: {"tenant": d.tenant(), "since": d.ago(30, 90)},
    ),
)
BEHIND = (
    T(
        "object_history",
        900,
        "SELECT id, action, actor_id, at FROM audit_entry WHERE object_type = {kind} AND object_id = {id}"
        " ORDER BY at DESC LIMIT 50",
        lambda d: {"kind": d.one_of(("vehicle", "ticket", "member", "trip")), "id": d.skew(50_000, 1.5)},
    ),
    T(
        "audit_page",
        200,
        "SELECT id, at, action, object_type, object_id FROM audit_entry WHERE tenant_id = {tenant}"
        " ORDER BY at DESC LIMIT 100",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "exports",
        12,
        "SELECT id, tenant_id, actor_id FROM audit_entry WHERE action = 'delete' AND object_type = 'trip'"
        " AND at >= {since}",
        lambda d: {"since": d.ago(2, 10)},
    ),
    T(
        "actor_day",
        30,
        "SELECT count(*) FROM audit_entry WHERE actor_id = {id} AND at >= {since}",
        lambda d: {"id": d.skew(50_000, 2), "since": d.ago(3, 30)},
    ),
    T(
        "unsent",
        7_200,
        "SELECT id, channel, body FROM outbox WHERE sent_at IS NULL AND send_after <= {now} ORDER BY send_after"
        " LIMIT 20",
        lambda d: {"now": d.ago(0, 0.01)},
    ),
    T("backlog", 720, "SELECT channel, count(*) FROM outbox WHERE sent_at IS NULL GROUP BY channel"),
    T(
        "retries",
        1_400,
        "SELECT id, url, event FROM webhook_delivery WHERE next_try_at <= {now} ORDER BY next_try_at LIMIT 50",
        lambda d: {"now": d.ago(0, 0.3)},
    ),
    T(
        "hook_health",
        100,
        "SELECT event, count(*), count(*) FILTER (WHERE response_code <> 200) FROM webhook_delivery"
        " WHERE tenant_id = {tenant} AND attempted_at >= {since} GROUP BY event",
        lambda d: {"tenant": d.tenant(), "since": d.ago(1, 7)},
    ),
)
READS = (*ACCESS, *VEHICLES, *TELEMETRY, *TICKETS, *BEHIND)
