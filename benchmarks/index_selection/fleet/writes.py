"""What the fleet service writes. `calls` is for one busy hour; the judge rolls every one back."""

from __future__ import annotations

from benchmarks.index_selection.fleet.draws import tenant_of_ticket, tenant_of_vehicle
from benchmarks.index_selection.fleet.reads import T

NOW = "'2025-07-01 00:00:00Z'"

WRITES = (
    T(
        "report",
        90_000,
        "INSERT INTO position_report (vehicle_id, tenant_id, recorded_at, lat, lon, speed_kmh, heading, ignition)"
        f" VALUES ({{vehicle}}, {{tenant}}, {NOW}, 48.1, 11.5, {{speed}}, 90, true)",
        lambda d: {"tenant": tenant_of_vehicle(id_ := d.vehicle()), "vehicle": id_, "speed": d.random.randint(0, 130)},
    ),
    T(
        "place",
        90_000,
        f"UPDATE vehicle SET last_lat = 48.1, last_lon = 11.5, last_seen_at = {NOW} WHERE id = {{id}}",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "set_odometer",
        6_000,
        "UPDATE vehicle SET odometer_km = odometer_km + 12 WHERE id = {id}",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "start_trip",
        3_000,
        "INSERT INTO trip (tenant_id, vehicle_id, driver_id, started_at, distance_km)"
        f" VALUES ({{tenant}}, {{vehicle}}, {{driver}}, {NOW}, 0)",
        lambda d: {"tenant": tenant_of_vehicle(id_ := d.vehicle()), "vehicle": id_, "driver": d.member()},
    ),
    T(
        "end_trip",
        3_000,
        f"UPDATE trip SET ended_at = {NOW}, distance_km = 31.5 WHERE id = {{id}}",
        lambda d: {"id": d.late(500_000, 0.004)},
    ),
    T(
        "raise_fault",
        1_500,
        "INSERT INTO fault (vehicle_id, tenant_id, code, severity, raised_at)"
        f" VALUES ({{vehicle}}, {{tenant}}, 'P0420', 3, {NOW})",
        lambda d: {"tenant": tenant_of_vehicle(id_ := d.vehicle()), "vehicle": id_},
    ),
    T(
        "clear_faults",
        900,
        f"UPDATE fault SET cleared_at = {NOW} WHERE vehicle_id = {{id}} AND cleared_at IS NULL",
        lambda d: {"id": d.vehicle()},
    ),
    T(
        "open_ticket",
        400,
        "INSERT INTO ticket (tenant_id, number, state, priority, subject, meta, created_at, updated_at)"
        f" VALUES ({{tenant}}, {{number}}, 'new', 3, 'Broken door', '{{\"source\": \"app\"}}', {NOW}, {NOW})",
        lambda d: {"tenant": d.tenant(), "number": 900_000 + d.random.randint(0, 99_999)},
    ),
    T(
        "assign",
        500,
        f"UPDATE ticket SET assignee_id = {{agent}}, state = 'open', updated_at = {NOW} WHERE id = {{id}}",
        lambda d: {"agent": d.agent(), "id": d.late(220_000, 0.005)},
    ),
    T(
        "close_ticket",
        420,
        f"UPDATE ticket SET state = 'closed', updated_at = {NOW} WHERE tenant_id = {{tenant}} AND number = {{number}}",
        lambda d: {"tenant": tenant_of_ticket(ticket := d.ticket()), "number": 1000 + ticket},
    ),
    T(
        "comment",
        1_800,
        "INSERT INTO ticket_comment (ticket_id, author_id, internal, body, created_at)"
        f" VALUES ({{ticket}}, {{author}}, false, 'Looked at it again today.', {NOW})",
        lambda d: {"ticket": d.ticket(), "author": d.member()},
    ),
    T(
        "watch",
        1_000,
        "INSERT INTO ticket_watcher VALUES ({ticket}, {member}) ON CONFLICT DO NOTHING",
        lambda d: {"ticket": d.ticket(), "member": d.agent()},
    ),
    T("erase_ticket", 6, "DELETE FROM ticket WHERE id = {id}", lambda d: {"id": d.key(220_000)}),
    T(
        "write_audit",
        25_000,
        "INSERT INTO audit_entry (tenant_id, actor_id, action, object_type, object_id, detail, at)"
        f" VALUES ({{tenant}}, {{actor}}, 'update', 'ticket', {{ticket}}, '{{\"ok\": true}}', {NOW})",
        lambda d: {"tenant": d.tenant(), "actor": d.member(), "ticket": d.ticket()},
    ),
    T(
        "queue_message",
        7_000,
        "INSERT INTO outbox (tenant_id, channel, body, created_at, send_after, tries)"
        f" VALUES ({{tenant}}, 'mail', '{{\"to\": \"x\"}}', {NOW}, {NOW}, 0)",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "sent",
        7_000,
        f"UPDATE outbox SET sent_at = {NOW}, tries = tries + 1 WHERE id = {{id}}",
        lambda d: {"id": d.late(300_000, 0.0016)},
    ),
    T(
        "deliver",
        9_000,
        "INSERT INTO webhook_delivery (tenant_id, event, url, response_code, attempted_at)"
        f" VALUES ({{tenant}}, 'trip.ended', 'https://hooks.example/1', 200, {NOW})",
        lambda d: {"tenant": d.tenant()},
    ),
    T(
        "active_now",
        20_000,
        f"UPDATE member SET last_active_at = {NOW} WHERE id = {{id}}",
        lambda d: {"id": d.member()},
    ),
    T(
        "purge_positions",
        4,
        "DELETE FROM position_report WHERE recorded_at < {before}",
        lambda d: {"before": f"'2025-06-01 00:{d.random.randint(5, 40):02d}:00Z'"},
    ),
    T(
        "revoke_keys",
        10,
        f"UPDATE api_key SET revoked_at = {NOW} WHERE tenant_id = {{tenant}} AND revoked_at IS NULL",
        lambda d: {"tenant": d.tenant()},
    ),
)
