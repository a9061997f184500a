"""A real index on a target, for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from optischema_tui.core.models import IndexSpec


@contextmanager
def real_index(session: psycopg.Connection[Any], spec: IndexSpec, *, analyze: bool = False) -> Iterator[int]:
    """The index on the target; its size in bytes, partitions summed up. `analyze`: with statistics of expressions."""
    with session.transaction(force_rollback=True):
        session.execute(spec.sql("real_one", concurrently=False).encode())
        if analyze:
            session.execute(f'ANALYZE "{spec.schema}"."{spec.table}"'.encode())
        row = session.execute(
            "SELECT sum(pg_relation_size(part.oid))::bigint FROM pg_class one CROSS JOIN LATERAL"
            " (SELECT one.oid UNION SELECT relid FROM pg_partition_tree(one.oid)) AS tree (oid)"
            " JOIN pg_class part ON part.oid = tree.oid AND part.relkind = 'i' WHERE one.relname = 'real_one'"
        ).fetchone()
        assert row is not None
        yield row[0]
