"""A table in every format: what comes back is what went in, and hostile text is inert in each."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from pathlib import Path

import pytest

from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.export.as_csv import csv_text
from optischema_tui.core.export.as_json import json_text
from optischema_tui.core.export.as_markdown import code, escaped, markdown_text
from optischema_tui.core.export.file import write_file
from optischema_tui.core.export.table import Column, Kind, Table, table_of, table_of_dicts
from optischema_tui.core.export.views import shape_of

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e|`![x](http://evil)\"',\r\n=1+1"


def one(text: object, kind: Kind = Kind.TEXT, name: str = "a") -> Table:
    return table_of("t", "T", (Column(name, kind),), ((text,),))


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("text", ["plain", 'a "quoted" word', "a,b", "two\nlines", " led by space", "", "élan ✓"])
def test_csv_gives_back_what_went_in(text: str) -> None:
    told = csv_text(one(text))
    assert cells(told) == [["a"], [text] if text else []]
    assert told.endswith("\r\n")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "  =1", "＝1", "-- a comment"])
def test_csv_is_no_formula(text: str) -> None:
    assert cells(csv_text(one(text)))[1][0] == f"'{text}"


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (-5, Kind.NUMBER, "-5"),
        (-0.25, Kind.NUMBER, "-0.25"),
        (0.1 + 0.2, Kind.NUMBER, "0.30000000000000004"),
        (None, Kind.NUMBER, ""),
        (float("nan"), Kind.NUMBER, ""),
        (float("inf"), Kind.NUMBER, ""),
        (True, Kind.FLAG, "true"),
        (0.5, Kind.SHARE, "0.5"),
        (1_700_000_000, Kind.MOMENT, "2023-11-14T22:13:20Z"),
    ],
)
def test_csv_numbers_stay_numbers(value: object, kind: Kind, told: str) -> None:
    table = table_of("t", "T", (Column("a", kind), Column("b")), ((value, "x"),))
    assert csv_text(table) == f"a,b\r\n{told},x\r\n"


def test_json_gives_back_values_and_kinds() -> None:
    table = table_of(
        "t", "T", (Column("ms", Kind.NUMBER, "ms"), Column("q")), ((1.5, HOSTILE), (float("nan"), None)), ("n",)
    )
    [told] = json.loads(json_text([table]))["tables"]
    assert told["columns"][0] == {"name": "ms", "kind": "number", "unit": "ms"}
    assert [row["ms"] for row in told["rows"]] == [1.5, None]
    assert told["notes"] == ["n"]
    assert not re.search("[\x1b\u202e]", told["rows"][0]["q"])
    assert json_text([table]).isascii()


def test_no_format_lets_control_or_bidi_through() -> None:
    for told in (csv_text(one(HOSTILE)), json_text([one(HOSTILE)]), markdown_text(one(HOSTILE))):
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", told)


def test_secrets_are_redacted() -> None:
    table = one("host=db password=hunter2")
    for told in (csv_text(table), json_text([table]), markdown_text(table)):
        assert "hunter2" not in told


def test_markdown_marks_are_inert() -> None:
    told = escaped("<b>|`*_[x](y)![i](j)~~#$&@www.evil.com https://evil.com\\")
    assert not re.search(r"(?<!\\)[<>|`*_\[\]!~#$&@]", told.replace("\\\\", ""))
    assert "://" not in told
    assert "www." not in told
    assert escaped("- no list") == "\\- no list"
    assert escaped("1. no list") == "1\\. no list"
    assert escaped("2026-11-20 14:00, 1.5 ms") == "2026-11-20 14:00, 1.5 ms"
    assert escaped("one\nline") == "one line"
    assert escaped("idx_scan __init__ _a_") == "idx_scan \\_\\_init\\_\\_ \\_a\\_"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT 1", "`SELECT 1`"),
        ("a|b", "`a\\|b`"),
        ("a`b", "``a`b``"),
        ("`a", "`` `a ``"),
        ("a```b", "````a```b````"),
    ],
)
def test_markdown_code_ends_where_it_should(text: str, told: str) -> None:
    assert code(text) == told


@pytest.mark.parametrize("name", ["a", "query"])
def test_a_hostile_cell_stays_one_cell(name: str) -> None:
    lines = [line for line in markdown_text(one(HOSTILE, name=name)).splitlines() if line.startswith("|")]
    assert len(lines) == 3
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [2, 2, 2]


def test_an_empty_table_says_so() -> None:
    table = table_of("t", "T", (Column("a"),), (), (), "Nothing ran.")
    assert "Nothing ran." in markdown_text(table)
    assert csv_text(table) == "a\r\n"
    assert json.loads(json_text([table]))["tables"][0]["rows"] == []


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 2 values"):
        table_of("t", "T", (Column("a"),), ((1, 2),))


def test_kinds_follow_from_the_values() -> None:
    rows = [
        {"pid": 16419, "n": 1, "hit_ratio": 0.5, "ok": True, "x": None},
        {"n": None, "hit_ratio": 1, "ok": False, "name": "a"},
    ]
    kinds = {column.name: column.kind for column in table_of_dicts("t", "T", rows).columns}
    assert kinds == {
        "n": Kind.NUMBER, "hit_ratio": Kind.SHARE, "ok": Kind.FLAG, "pid": Kind.ID, "x": Kind.TEXT, "name": Kind.TEXT,
    }  # fmt: skip


def test_only_shapes_of_statements_leave() -> None:
    assert shape_of("SELECT * FROM t WHERE a = $1") == "SELECT * FROM t WHERE a = $1"
    assert "hunter2" not in shape_of("ALTER ROLE dba PASSWORD 'hunter2'")
    assert "4111" not in shape_of("COPY (SELECT 1 WHERE card = '4111') TO STDOUT")


def test_a_file_is_private_and_not_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = place / "out.csv"
    write_file(path, "a\r\n")
    assert path.read_bytes() == b"a\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="exists already"):
        write_file(path, "b")
    assert path.read_bytes() == b"a\r\n"
    path.chmod(0o644)
    write_file(path, "b", force=True)
    assert path.read_text() == "b"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(place) == ["out.csv"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.write_text("kept")
    link.symlink_to(other)
    with pytest.raises(UsageError):
        write_file(link, "x")
    write_file(link, "x", force=True)
    assert other.read_text() == "kept"
    assert not link.is_symlink()


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        write_file(tmp_path / "none" / "out.csv", "a")
    (tmp_path / "a_directory").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_file(tmp_path / "a_directory", "a", force=True)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".optischema")]


def test_people_read_figures_and_names() -> None:
    columns = (Column("pid", Kind.ID), Column("n", Kind.NUMBER), Column("part", Kind.SHARE), Column("q"))
    table = table_of("t", "T", columns, ((16419, 16419, 0.123, None), (1, 0.00001234, None, "x")))
    lines = markdown_text(table).splitlines()
    assert lines[-2:] == ["| 16419 | 16,419 | 12.3% | - |", "| 1 | 1.2e-05 | - | x |"]
