"""Synthetic targets for the screens: made up, the same on every run."""

from __future__ import annotations

import math
from typing import Any

from optischema_tui import messages as m
from optischema_tui.core.audit.journal import VerifyResult
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import MissingPart, ServerLost
from optischema_tui.core.models import (
    Activity,
    Affected,
    AuditEntry,
    Baseline,
    Change,
    ChangeState,
    Check,
    Evidence,
    Hidden,
    IndexSpec,
    Kpis,
    Level,
    LoadPoint,
    Picture,
    QueryRow,
    Recommendation,
    Risk,
    StatementKey,
    StatementSample,
    TargetIdentity,
    WindowStats,
)
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.plan import PlanNode

NOW = 1_700_000_000.0
TARGET = TargetIdentity("7300000000000000001", 16384, "shop", 180006, "shop@demo")
TEXTS = (
    "SELECT o.id, o.created_at, sum(i.quantity * i.price) FROM orders o JOIN order_items i ON i.order_id = o.id "
    "WHERE o.customer_id = $1 AND o.created_at > $2 GROUP BY o.id, o.created_at ORDER BY o.created_at DESC LIMIT $3",
    "SELECT * FROM products WHERE lower(name) = lower($1)",
    "UPDATE inventory SET quantity = quantity - $1, updated_at = now() WHERE product_id = $2 AND warehouse_id = $3",
    "SELECT count(*) FROM events WHERE kind = $1 AND created_at BETWEEN $2 AND $3",
    "INSERT INTO order_items (order_id, product_id, quantity, price) VALUES ($1, $2, $3, $4)",
    "SELECT c.name, c.email FROM customers c WHERE c.id = $1",
    "WITH recent AS (SELECT product_id, count(*) AS n FROM order_items WHERE created_at > $1 GROUP BY product_id) "
    "SELECT p.name, r.n FROM recent r JOIN products p ON p.id = r.product_id ORDER BY r.n DESC LIMIT $2",
    "DELETE FROM sessions WHERE expires_at < now()",
)


def spec(**changes: Any) -> TargetSpec:
    values = {"label": "shop@demo", "params": (("dbname", "shop"), ("host", "/tmp/x"))} | changes
    return TargetSpec(**values)


def row(place: int, count: int = 40, text: str | None = None) -> QueryRow:
    """The statement of rank `place`, lighter the higher it is."""
    weight = 1.0 / (place + 1.5)
    total = sum(1.0 / (each + 1.5) for each in range(count))
    calls = 120_000 // (place + 1) + 7
    mean = 0.9 + 300 * weight**2
    sample = StatementSample(
        StatementKey(10, 16384, 9_000 + place), calls, calls * 4, mean * calls, mean, mean / 5, mean * 9, mean / 2,
        shared_blks_hit=calls * 30, shared_blks_read=calls * 2, temp_blks_written=0, wal_bytes=calls * 50,
    )  # fmt: skip
    return QueryRow(
        key=sample.key,
        text=TEXTS[place % len(TEXTS)] if text is None else text,
        role="shop_app" if place % 5 else "report",
        database="shop",
        calls=calls,
        total_exec_time=mean * calls,
        mean_exec_time=mean,
        min_exec_time=mean / 5,
        max_exec_time=mean * 9,
        stddev_exec_time=mean / 2,
        rows_per_call=4.0,
        hit_ratio=None if place % 7 == 6 else 1.0 - 0.02 * (place % 9),
        temp_blks_per_call=0.0 if place % 4 else 118.0,
        wal_bytes_per_call=50.0 if place % 3 else 0.0,
        share=weight / total,
        score=min(99, 12 + place * 5),
        interval_calls=calls // 400,
        interval_time=mean * calls / 400,
        interval_mean=mean * 1.1,
        sample=sample,
    )


def series(points: int = 120, breaks_at: int = 70) -> tuple[LoadPoint, ...]:
    return tuple(
        LoadPoint(
            at=NOW - 5.0 * (points - place),
            db_time=1.4 + math.sin(place / 9) + 0.25 * math.sin(place * 1.7),
            mean_latency=6.0 + 2.5 * math.sin(place / 13) + (9 if place % 41 == 0 else 0),
            tps=310.0,
            calls=1500,
            breaks=place == breaks_at,
        )
        for place in range(points)
    )


def picture(count: int = 40, **changes: Any) -> Picture:
    values: dict[str, Any] = {
        "target": TARGET,
        "taken_at": NOW,
        "seconds": 5.0,
        "kpis": Kpis(7, 23, 100, 0.9731, 312.4, 2.31, 7.42),
        "rows": tuple(row(place, count) for place in range(count)),
        "series": series(),
        "hidden": (Hidden("catalog", 14, 0.004), Hidden("own", 9, 0.001)),
        "unreadable": 0,
        "cost_share": 0.0021,
    }
    return Picture(**(values | changes))


def recommendation(place: int = 0) -> Recommendation:
    columns, table, risk = (
        (("customer_id", "created_at"), "orders", Risk.LOW),
        (("product_id",), "order_items", Risk.MEDIUM),
        (("kind", "created_at"), "events", Risk.HIGH),
    )[place]
    index = IndexSpec("public", table, columns)
    name = f"{table}_{'_'.join(columns)}_idx"
    affected = tuple(
        Affected(9_000 + place + n, TEXTS[(place + n) % len(TEXTS)], 0.31 - 0.1 * n, 42_000 // (n + 1), 38.2, 18_400.0,
                 212.0 * (n + 1))
        for n in range(2)
    )  # fmt: skip
    return Recommendation(
        id=f"{place}a1b2c3d4e5f"[:12],
        target=TARGET.fingerprint,
        kind="create_index",
        title=f"Index {table} ({', '.join(columns)})",
        forward_sql=index.sql(name),
        inverse_sql=f'DROP INDEX CONCURRENTLY "public"."{name}"',
        risk=risk,
        risk_reasons=("The table takes 12 writes a second; each keeps one more index.",
                      "The build reads 212 MB twice."),
        evidence=Evidence(affected, 18_400.0 * (place + 1), 212.0 + 4000 * place, 0.41 - 0.12 * place, 23_900_000,
                          "lab, PostgreSQL 18.6", "High: the lab and the server planned these statements alike.",
                          ("customer_id first: it is compared for equality.",
                           "created_at second: it gives the order of ORDER BY, so that no sort is needed.")),
        spec=index,
        index_name=name,
        why_not=("(created_at) alone: the lab's plan still reads 61 % of the table.",
                 "(customer_id) alone: leaves the sort, cost 911 against 212."),
    )  # fmt: skip


def change(state: ChangeState, place: int = 0, **changes: Any) -> Change:
    found = recommendation(place)
    values: dict[str, Any] = {
        "id": f"0190f3c4-0000-7000-8000-00000000000{place}",
        "recommendation_id": found.id,
        "target": TARGET,
        "dsn": "dbname=shop",
        "kind": "create_index",
        "title": found.title,
        "forward_sql": found.forward_sql,
        "inverse_sql": found.inverse_sql,
        "sql_hash": "0" * 64,
        "state": state,
        "schema": "public",
        "table": "orders",
        "index_name": found.index_name,
        "approved_by": "dana",
        "approved_at": NOW - 300,
        "updated_at": NOW - 100,
    }
    return Change(**(values | changes))


def checks(*, blocked: bool = False) -> tuple[Check, ...]:
    lines = [
        Check("primary", Level.PASS, "the server is not in recovery"),
        Check("direct session", Level.PASS, "no pooler stands between"),
        Check("privilege", Level.PASS, "this role owns the table: it may do this and undo it"),
        Check("covering index", Level.PASS, "no valid index covers these columns"),
        Check("blockers", Level.WARN, "backend 4711 has been in a transaction for 41 s; the build will wait for it"),
        Check("lock", Level.PASS, "the table's lock was had at once"),
    ]
    if blocked:
        lines.append(Check("disk", Level.BLOCK, "12 MB free, the index needs about 24 MB"))
    return tuple(lines)


def plan() -> PlanNode:
    seq = PlanNode("Seq Scan", 0.0, 8_204.5, 1204, 48, "order_items", "public", "i",
                   conditions=(("Filter", "(order_id = $1)"),))  # fmt: skip
    index = PlanNode("Index Scan", 0.42, 812.7, 61, 24, "orders", "public", "o", "orders_customer_id_idx",
                     conditions=(("Index Cond", "(customer_id = $1)"), ("Filter", "(created_at > $2)")))  # fmt: skip
    join = PlanNode("Hash Join", 812.9, 9_120.0, 244, 72, join_type="Left",
                    conditions=(("Hash Cond", "(i.order_id = o.id)"),), children=(seq, index))  # fmt: skip
    sort = PlanNode("Sort", 9_130.0, 9_131.0, 244, 72, keys=(("Sort Key", ("o.created_at DESC",)),), children=(join,))
    return PlanNode("Limit", 9_130.0, 9_130.1, 10, 72, children=(sort,))


def entries() -> tuple[AuditEntry, ...]:
    events = ("change.approved", "change.intent", "change.executing", "change.applied", "recommendation.dismissed")
    made = []
    before = "0" * 64
    for place, event in enumerate(events, 1):
        digest = f"{place:064x}"
        body = {
            "who": {"os_user": "dana", "ssh_client": "claimed: 10.0.0.7"},
            "sql": recommendation().forward_sql,
            "result": "ok",
        }
        made.append(AuditEntry(place, NOW - 600 + place, event, change(ChangeState.APPLIED).id, body, before, digest))
        before = digest
    return tuple(reversed(made))


def baselines() -> tuple[Baseline, ...]:
    rows = tuple(
        WindowStats(row(place).key, TEXTS[place], 1000 - place, 5000.0 / (place + 1), 10, 100, 0) for place in range(6)
    )
    return (
        Baseline("before-index", TARGET.fingerprint, NOW - 7000, NOW - 10_600, NOW - 7000, rows),
        Baseline("monday", TARGET.fingerprint, NOW - 90_000, NOW - 93_600, NOW - 90_000, rows[:4]),
    )


LOST = ServerLost("The server closed the connection", "terminating connection due to administrator command",
                  "The program tries again by itself")  # fmt: skip
MISSING = MissingPart(
    "pg_stat_statements is not installed in this database",
    "Without it the server keeps no figures of its statements",
    "shared_preload_libraries = 'pg_stat_statements'    -- in postgresql.conf, then restart\n"
    "CREATE EXTENSION pg_stat_statements;               -- in this database, once",
)


class FakeBridge:
    """The application's other side, made of data: it records what was asked and tells what a test gives it."""

    def __init__(self, app: Any, shown: Picture | None) -> None:
        self.app = app
        self.shown = shown
        self.asked: list[m.Request] = []
        self.started = 0

    def first(self) -> m.PictureReady | None:
        return m.PictureReady(self.shown) if self.shown is not None else None

    def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        """Nothing to end."""

    def ask(self, request: m.Request) -> None:
        self.asked.append(request)
        for fact in answers(request):
            self.app.post_message(fact)


def answers(request: m.Request) -> list[m.Fact]:
    """What a healthy server would say."""
    match request:
        case m.LoadLedger():
            return [m.LedgerReady(
                tuple(recommendation(place) for place in range(3)),
                (change(ChangeState.KEPT, 1), change(ChangeState.APPROVED, 0)),
                {change(ChangeState.KEPT, 1).id: ("mean 38.2 ms before, 0.412 ms after: 92x less",)},
            )]  # fmt: skip
        case m.LoadAudit():
            return [m.AuditReady(entries(), VerifyResult(True, 5, None, ""), NOW)]
        case m.LoadBaselines():
            return [m.BaselinesReady(baselines())]
        case m.WantPlan(key, _):
            return [m.PlanReady(key, plan())]
        case m.Preflight(_, undo):
            found = change(ChangeState.KEPT if undo else ChangeState.APPROVED, 1 if undo else 0)
            return [m.RunBegan(found, undo), *(m.RunChecked(check) for check in checks()), m.RunReady(False)]
        case m.Pause(paused):
            return [m.PollChanged(5.0, paused)]
        case m.SetInterval(seconds):
            return [m.PollChanged(seconds, False)]
    return []


def clock() -> FixedClock:
    return FixedClock(NOW + 1)


ACTIVITY = Activity(7, 14, 1, 0, 23, 100)
