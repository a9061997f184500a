"""Indexes whose real size the size model is held against; their tables stand in sizetarget.sql."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from optischema_tui.core.models import IndexSpec

SCHEMA = Path(__file__).with_name("sizetarget.sql")


def fill(dsn: str, rows: int) -> None:
    """Make the tables: `account` of `rows` rows, `entry` of twice as many."""
    with psycopg.connect(dsn, autocommit=True) as session:
        for statement in SCHEMA.read_text("utf-8").replace(":rows", str(rows)).split(";\n"):
            if statement.strip():
                session.execute(statement.encode())


def real_bytes(session: psycopg.Connection[Any], spec: IndexSpec) -> int:
    """Size of the index when the server builds it; nothing stays of it."""
    with session.transaction(force_rollback=True):
        session.execute(spec.sql("real_one", concurrently=False).encode())
        row = session.execute("SELECT pg_relation_size('real_one')").fetchone()
    assert row is not None
    return int(row[0])


def _account(*columns: str, **more: Any) -> IndexSpec:
    return IndexSpec("public", "account", columns, **more)


def _entry(*columns: str, **more: Any) -> IndexSpec:
    return IndexSpec("public", "entry", columns, **more)


def _expression(table: str, text: str, *others: str, **more: Any) -> IndexSpec:
    return IndexSpec("public", table, (text, *others), computed=(True, *(False for _ in others)), **more)


BTREES = [
    *(
        _account(name)
        for name in (
            "id", "uid", "ordered_uid", "email", "name", "country", "created", "active", "balance", "reference", "tags",
            "note", "bio", "kind", "score", "born", "address", "code", "doc", "mood", "deleted_at", "few", "pairs",
            "skewed", "fixed", "fingerprint",
        )
    ),
    *(
        _entry(name)
        for name in (
            "id", "account_id", "line", "day", "shipped", "status", "region", "city", "part_id", "amount", "processed",
            "retry",
        )
    ),
    _account("country", "name"),
    _account("country", "created"),
    _account("name", "country", "born"),
    _account("kind", "few"),
    _account("kind", "few", "mood"),
    _account("active", "created", "id"),
    _account("born", "country"),
    _account("note", "kind"),
    _account("few", "code"),
    _account("balance", "kind"),
    _account("deleted_at", "country"),
    _account("created", "kind", descending=(True, False), nulls=("LAST", "")),
    _entry("account_id", "day"),
    _entry("account_id", "status"),
    _entry("status", "day"),
    _entry("status", "amount"),
    _entry("day", "account_id", "line"),
    _entry("region", "city"),
    _entry("region", "city", "status"),
    _entry("part_id", "seller_id"),
    _entry("part_id", "seller_id", "day"),
    _entry("zip", "district"),
    _entry("processed", "retry"),
    _entry("amount", "status"),
    _account("email", include=("name",)),
    _account("kind", include=("created", "few")),
    _entry("account_id", include=("amount", "status")),
    _entry("day", "status", include=("amount",)),
    _account("created", predicate="deleted_at IS NULL"),
    _account("deleted_at", predicate="deleted_at IS NOT NULL"),
    _account("country", predicate="deleted_at IS NOT NULL"),
    _account("email", predicate="NOT active"),
    _account("note", predicate="note IS NOT NULL"),
    _entry("account_id", predicate="status = 'new'"),
    _entry("status", "day", predicate="status = 'paid'"),
    _entry("id", predicate="NOT processed"),
    _entry("day", "account_id", predicate="amount > 400"),
    _account("email", opclasses=("text_pattern_ops",)),
    _account("code", opclasses=("varchar_pattern_ops",)),
    _expression("account", "lower(email)"),
    _expression("account", "(extract(year from born))"),
    _expression("account", "(doc ->> 'plan')", "created"),
    _expression("entry", "(amount * 2)"),
    _expression("account", "lower(name)", "country"),
]  # fmt: skip
UNKNOWABLE = [_entry("day", "shipped"), _account("pairs", "id"), _account("blurb")]
"""Columns that depend on each other in a way that no statistic tells; values that are compressed."""
OTHERS = [
    _account("created", method="brin"),
    _entry("day", method="brin"),
    _account("email", method="brin"),
    _account("uid", method="hash"),
    _entry("account_id", method="hash"),
    _entry("status", method="hash"),
    _account("tags", method="gin"),
    _account("words", method="gin"),
    _account("doc", method="gin"),
    _account("doc", method="gin", opclasses=("jsonb_path_ops",)),
    _account("email", method="gin", opclasses=("gin_trgm_ops",)),
    _account("stay", method="gist"),
    _account("address", method="gist", opclasses=("inet_ops",)),
]
