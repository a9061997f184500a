"""One target with real data, and its lab, for every test of the room."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image

SCHEMA = Path(__file__).with_name("labtarget.sql")
EXPRESSION_STATISTICS = "CREATE STATISTICS customer_expr ON (born - date '1950-01-01'), country FROM customer"


def fill(dsn: str) -> None:
    """Load the test schema; statement by statement, because VACUUM wants no transaction."""
    with psycopg.connect(dsn, autocommit=True) as session:
        for statement in SCHEMA.read_text("utf-8").split(";\n"):
            if statement.strip():
                session.execute(statement.encode())


@pytest.fixture(scope="session")
def shop(server: Cluster) -> Iterator[str]:
    """Conninfo of a database of 120 000 orders with every kind of object that the lab models."""
    name = f"shop_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    fill(server.dsn(name))
    with psycopg.connect(server.dsn(name), autocommit=True) as session:
        session.execute(EXPRESSION_STATISTICS.encode())
        session.execute("ANALYZE customer")
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def shop_session(shop: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(shop, autocommit=True) as session:
        yield session


@pytest.fixture(scope="session")
def shop_lab(shop: str, binaries: Binaries) -> Iterator[Lab]:
    """The lab of `shop`. Tests may add what-if indexes to it; they are absent from plans that do not name them."""
    with psycopg.connect(shop, autocommit=True) as session:
        image = read_image(session)
    with Lab.build(image, binaries) as lab:
        yield lab


@pytest.fixture(scope="session")
def shop_copy(shop: str, shop_lab: Lab, server: Cluster) -> Iterator[str]:
    """Conninfo of a copy of `shop`, for tests that change it."""
    name = f"copy_{secrets.token_hex(4)}"
    source = psycopg.conninfo.conninfo_to_dict(shop)["dbname"]
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name} TEMPLATE {source}".encode())
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
