from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optischema_tui.core.target.sql import MARK, load


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    room = tmp_path / "loader_room"
    (room / "queries").mkdir(parents=True)
    (room / "__init__.py").write_text("")
    for name, text in {
        "plain.sql": "-- what it is for\n-- and why\nSELECT 1;\n",
        "plain_140000.sql": "WITH a AS (SELECT 14) SELECT * FROM a",
        "plain_170000.sql": "SELECT 17",
        "plain_more.sql": "SELECT 'another name'",
        "late_160000.sql": "SELECT 16",
    }.items():
        (room / "queries" / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    load.cache_clear()
    yield "loader_room"
    sys.modules.pop("loader_room", None)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (0, f"SELECT {MARK} 1"),
        (139999, f"SELECT {MARK} 1"),
        (140000, f"WITH {MARK} a AS (SELECT 14) SELECT * FROM a"),
        (169999, f"WITH {MARK} a AS (SELECT 14) SELECT * FROM a"),
        (180006, f"SELECT {MARK} 17"),
    ],
)
def test_the_highest_version_not_above_the_servers_wins(package: str, version: int, text: str) -> None:
    assert load(package, "plain", version) == text


def test_a_query_that_no_file_holds_is_an_error_that_names_it(package: str) -> None:
    with pytest.raises(LookupError, match="absent"):
        load(package, "absent", 180000)
    with pytest.raises(LookupError, match="late"):
        load(package, "late", 150000)
