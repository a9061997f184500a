"""A change to store, for the tests of the journal."""

from __future__ import annotations

import pytest

from optischema_tui.core.models import Change, ChangeState, TargetIdentity, digest

IDENTITY = TargetIdentity("7301", 5, "shop", 180000, "demo")


def make_change(number: int, state: ChangeState = ChangeState.APPROVED, recommendation: str = "aa11bb22cc33") -> Change:
    sql = f'CREATE INDEX CONCURRENTLY "i{number}" ON "public"."orders" USING btree ("customer_id")'
    return Change(
        id=f"0192f000-000{number}-7000-8000-000000000000",
        recommendation_id=recommendation,
        target=IDENTITY,
        dsn="host=/tmp port=5432 user=dba",
        kind="create_index",
        title="Index orders",
        forward_sql=sql,
        inverse_sql=f'DROP INDEX CONCURRENTLY "public"."i{number}"',
        sql_hash=digest(sql),
        state=state,
        schema="public",
        table="orders",
        index_name=f"i{number}",
        detail={"before": {"mean_ms": 12.5}, "statements": [[1, "SELECT 1"]], "none": None},
    )


@pytest.fixture(name="make_change", scope="session")
def make_change_fixture():
    return make_change
