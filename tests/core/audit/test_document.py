"""The script of docs/audit.md verifies an export with nothing but the standard library."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.chain import canonical, link_hash
from optischema_tui.core.audit.journal import Journal

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit.md"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (found,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(found.splitlines()) <= 20
    assert set(re.findall(r"^import (.*)$", found, re.MULTILINE)) == {"hashlib, json, sys"}
    path = tmp_path_factory.mktemp("script") / "verify.py"
    path.write_text(found)
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], str]:
    """The lines of a journal of two segments, and the anchor of an entry in the middle."""
    with closing(Journal.open(tmp_path_factory.mktemp("journal") / "audit.db")) as journal:
        for number in range(30):
            journal.record("step", {"n": number, "text": 'quote " \n \ud800 é'})
        anchor = journal.anchor()
        journal.close_segment(force=True)
        journal.record("step", {"n": -1})
        return list(journal.export("jsonl")), anchor


def run(script: Path, lines: list[str], *anchor: str) -> tuple[int, str]:
    path = script.with_name("audit.jsonl")
    path.write_text("".join(f"{line}\n" for line in lines))
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(path), *anchor], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def edited(line: str, at: int | None = None, **values: object) -> str:
    row = json.loads(line)
    if "body" in values:
        values["body"] = row["body"].replace(*values["body"])  # type: ignore[misc]
    return json.dumps(row | values)


def forged(lines: list[str]) -> list[str]:
    """Entry 10 is another, and all behind it was hashed anew."""
    made, prev = lines[:9], json.loads(lines[8])["hash"]
    for line in lines[9:]:
        row = json.loads(line)
        body = json.loads(row["body"]) | ({"forged": True} if row["seq"] == 10 else {})
        text = canonical(body)
        row |= {"body": text.decode(), "prev": prev, "hash": link_hash(prev, text)}
        made.append(json.dumps(row))
        prev = row["hash"]
    return made


def test_a_good_export_is_intact(script: Path, exported: tuple[list[str], str]) -> None:
    lines, anchor = exported
    last = json.loads(lines[-1])
    assert run(script, lines) == (0, f"intact up to {last['seq']}:{last['hash']}\n")
    assert run(script, lines, anchor)[0] == 0
    assert run(script, lines[12:], anchor)[0] == 0, "an export may begin later"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (lambda lines: [*lines[:9], edited(lines[9], body=('"n":8', '"n":9')), *lines[10:]], "BROKEN at entry 10"),
        (lambda lines: [*lines[:9], *lines[10:]], "BROKEN at entry 10"),
        (lambda lines: [*lines[:9], lines[10], lines[9], *lines[11:]], "BROKEN at entry 10"),
        (lambda lines: [*lines[:9], lines[9], *lines[9:]], "BROKEN at entry 11"),
        (lambda lines: [*lines[:9], edited(lines[9], event="other"), *lines[10:]], "BROKEN at entry 10"),
        (lambda lines: [edited(lines[0], prev="1" * 64), *lines[1:]], "BROKEN at entry 1"),
        (forged, "REWRITTEN at entry 31"),
        (lambda lines: lines[:20], "SHORTENED"),
        (lambda lines: [], "SHORTENED"),
    ],
    ids=["edited", "removed", "reordered", "inserted", "column", "first", "rewritten", "shortened", "empty"],
)
def test_a_bad_export_is_not(script: Path, exported: tuple[list[str], str], bad, told: str) -> None:
    lines, anchor = exported
    code, output = run(script, bad(lines), anchor)
    assert code == 1
    assert told in output
