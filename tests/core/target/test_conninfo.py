from __future__ import annotations

import pytest

from optischema_tui.core.errors import UsageError
from optischema_tui.core.target.conninfo import parse_conninfo, parse_url

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=db port=5433 dbname=shop user=dba", {"host": "db", "port": "5433", "dbname": "shop", "user": "dba"}),
        (" host = db   dbname='my \\'shop\\\\' ", {"host": "db", "dbname": "my 'shop\\"}),
        ("host='' user=a\\ b", {"user": "a b"}),
        ("service=prod application_name=x keepalives_idle=3 gssencmode=prefer", {"service": "prod"}),
        ("hostaddr=::1 sslmode=verify-full sslrootcert=/ca",
         {"hostaddr": "::1", "sslmode": "verify-full", "sslrootcert": "/ca"}),
    ],
)  # fmt: skip
def test_a_conninfo_string_is_read_as_libpq_reads_it(text: str, expected: dict[str, str]) -> None:
    from psycopg.conninfo import conninfo_to_dict

    assert parse_conninfo(text) == expected
    libpq = conninfo_to_dict(text)
    assert {key: libpq[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://", {}),
        ("postgres://dba@db.example:5433/shop",
         {"user": "dba", "host": "db.example", "port": "5433", "dbname": "shop"}),
        ("postgresql://db", {"host": "db"}),
        ("postgresql:///shop?host=/run/pg&port=1", {"dbname": "shop", "host": "/run/pg", "port": "1"}),
        ("postgresql://%2Frun%2Fpg/shop", {"host": "/run/pg", "dbname": "shop"}),
        ("postgresql://d%40x@[::1]:5/s%20p", {"user": "d@x", "host": "::1", "port": "5", "dbname": "s p"}),
        ("postgresql://a:1,b:2/x?target_session_attrs=read-write",
         {"host": "a,b", "port": "1,2", "dbname": "x", "target_session_attrs": "read-write"}),
        ("postgresql://a/x?sslmode=require&application_name=y", {"host": "a", "dbname": "x", "sslmode": "require"}),
    ],
)  # fmt: skip
def test_a_url_is_read_as_libpq_reads_it(text: str, expected: dict[str, str]) -> None:
    from psycopg.conninfo import conninfo_to_dict

    assert parse_url(text) == expected
    libpq = conninfo_to_dict(text)
    assert {key: libpq[key] for key in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        f"host=db password={SECRET}",
        f"host=db password='{SECRET}' junk",
        f"host=db sslpassword={SECRET}",
        f"host=db PASSWORD={SECRET}",
        f"host=db {SECRET}",
        f"host=db user='{SECRET}",
        f"{SECRET}=1",
        f"host=db require_auth={SECRET}",
        f"host=db options={SECRET}",
        f"host=db channel_binding={SECRET}",
    ],
)
def test_a_secret_in_a_conninfo_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_conninfo(text)
    assert SECRET not in caught.value.sentence


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://dba:{SECRET}@db/shop",
        f"postgresql://dba@db/shop?password={SECRET}",
        f"postgresql://dba:{SECRET}/x@db/shop",
        f"postgresql://dba:{SECRET} 3@db/shop",
        f"postgresql://dba:{SECRET}#3@db/shop",
        f"postgresql://dba@db:{SECRET}/shop",
        f"postgresql://dba@db/shop?sslmode={SECRET}%zz",
        f"postgresql://dba@db/shop?{SECRET}",
        "postgresql://dba@db/%00",
    ],
)
def test_a_secret_in_a_url_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    assert SECRET not in caught.value.sentence


def test_the_refusal_says_where_a_password_goes() -> None:
    with pytest.raises(UsageError) as caught:
        parse_url("postgresql://dba:x@db/shop")
    for place in ("~/.pgpass", "0600", "service file", "PGPASSWORD", "password_command"):
        assert place in caught.value.sentence


def test_an_unknown_keyword_is_named_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match=r"dbnam.*Did you mean dbname"):
        parse_conninfo("dbnam=shop")
