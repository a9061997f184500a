"""What the reading role may and may not see decides what the lab can be."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.statement import WorkloadStatement

STATEMENTS = [
    WorkloadStatement("SELECT * FROM orders WHERE city = 'city7' AND zip = 'z7'"),
    WorkloadStatement("SELECT * FROM orders WHERE state = 'new' AND city = 'city7'"),
    WorkloadStatement("SELECT count(*) FROM orders o JOIN customer c ON c.id = o.customer_id WHERE c.country = 'de'"),
    WorkloadStatement("SELECT * FROM customer WHERE lower(email) = 'u7@example.org'"),
]


@pytest.fixture
def guest(shop_copy: str) -> Iterator[Callable[..., psycopg.Connection[Any]]]:
    """`guest(*grants)`: a session of a new role that has these grants ({role} stands for its name) and no others."""
    role = f"guest_{secrets.token_hex(4)}"
    sessions: list[psycopg.Connection[Any]] = []

    def connect(*grants: str) -> psycopg.Connection[Any]:
        with psycopg.connect(shop_copy, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {role} LOGIN".encode())
            owner.execute(b"REVOKE ALL ON SCHEMA public FROM PUBLIC")
            for grant in grants:
                owner.execute(grant.format(role=role).encode())
        sessions.append(psycopg.connect(shop_copy, user=role, autocommit=True, options="-c search_path=public"))
        return sessions[0]

    yield connect
    for session in sessions:
        session.close()
    with psycopg.connect(shop_copy, autocommit=True) as owner:
        owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}; GRANT USAGE ON SCHEMA public TO PUBLIC".encode())


def test_the_statistics_grant_alone_is_enough(
    guest: Callable[..., psycopg.Connection[Any]], shop_copy: str, binaries: Binaries
) -> None:
    grant = "GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data TO {role}"
    session = guest(grant)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("SELECT 1 FROM public.orders")
    image = read_image(session)
    assert image.server.statistics_source == "pg_statistic"
    with Lab.build(image, binaries) as lab, psycopg.connect(shop_copy, autocommit=True) as owner:
        compared = compare(owner, lab, STATEMENTS)
        # The guest may not use the schema, so its resolved path is empty; the lab takes the path of who reads.
        assert image.server.search_path == ()
        assert all("does not exist" in c.error for c in compared)
    with psycopg.connect(shop_copy, autocommit=True) as owner:
        owner.execute(f"GRANT USAGE ON SCHEMA public TO {session.info.user}".encode())
        with Lab.build(read_image(session), binaries) as lab:
            compared = compare(owner, lab, STATEMENTS)
    assert [(c.error, c.same_shape, c.cost_error <= 0.001) for c in compared] == [("", True, True)] * len(STATEMENTS)


def test_no_right_to_statistics_is_refused_with_the_grant(guest: Callable[..., psycopg.Connection[Any]]) -> None:
    session = guest()
    with pytest.raises(LabError) as caught:
        read_image(session)
    assert "GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data TO" in caught.value.sentence
    assert session.info.user in caught.value.sentence
    assert session.execute("SHOW search_path").fetchone() == ("public",)


def test_select_on_the_tables_is_the_second_best(
    guest: Callable[..., psycopg.Connection[Any]], shop_copy: str, binaries: Binaries
) -> None:
    session = guest("GRANT USAGE ON SCHEMA public TO {role}", "GRANT SELECT ON orders, customer TO {role}")
    image = read_image(session)
    assert image.server.statistics_source == "pg_stats"
    with Lab.build(image, binaries) as lab, psycopg.connect(shop_copy, autocommit=True) as owner:
        compared = compare(owner, lab, STATEMENTS[2:])
        notes = "\n".join(lab.not_modelled)
    assert [(c.error, c.same_shape, c.cost_error <= 0.001) for c in compared] == [("", True, True)] * 2
    assert "public.item" in notes
    assert "GRANT SELECT" in notes
    assert "extended statistics" in notes


def test_the_reader_puts_the_session_back(shop_session: psycopg.Connection[Any]) -> None:
    shop_session.execute("SET search_path = public; SET TimeZone = 'Europe/Berlin'; SET statement_timeout = '7s'")
    image = read_image(shop_session)
    assert dict(image.server.settings)["TimeZone"] == "Europe/Berlin"
    names = ("search_path", "TimeZone", "statement_timeout")
    shown = [shop_session.execute(f"SHOW {name}".encode()).fetchone() for name in names]
    assert shown == [("public",), ("Europe/Berlin",), ("7s",)]


def test_a_locked_table_is_named(shop_copy: str) -> None:
    with psycopg.connect(shop_copy) as blocker, psycopg.connect(shop_copy, autocommit=True) as session:
        blocker.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LabError) as caught:
            read_image(session)
        assert f"orders (pid {blocker.info.backend_pid})" in caught.value.sentence
        blocker.rollback()
        assert read_image(session).relations
