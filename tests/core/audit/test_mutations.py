"""Random changes of the journal's files, by SQL and byte by byte, against a second verifier (`audit_oracle`).

Void is a change after which every promised value (see `audit_oracle.dump`) is what it was: free pages, counters, the
text of the schema. Any other one must be named, or told as a file that cannot be read; a void one is never told as a
broken chain.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.chain import canonical, link_hash
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.models import ChangeState

sys.path.insert(0, str(Path(__file__).parent))
from audit_oracle import TABLES, dump, holds

Raw = sqlite3.Connection


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, make_change) -> tuple[Path, str]:
    """A journal of three segments with changes, evidence, pruned evidence and free pages; and its anchor."""
    directory = tmp_path_factory.mktemp("sound")
    clock = FixedClock()
    with closing(Journal.open(directory / "audit.db", clock)) as journal:
        for part in range(3):
            for number in range(1, 5):
                state = ChangeState.ROLLED_BACK if (part, number) == (0, 4) else ChangeState.KEPT
                if (part, number) > (0, 4) and number == 4:
                    continue
                journal.save(make_change(number, state), f"change.{state}", {"n": number}, {"figures": [part, number]})
                journal.record("step", {"text": "x" * 900, "part": part}, evidence={"same": "for all"})
                clock.advance(3600)
            if part == 0:
                clock.advance(500 * 86400)
                assert journal.prune_evidence(400) == 5
            if part < 2:
                journal.close_segment(force=True)
        anchor = journal.anchor()
        assert journal.verify(anchor).ok
        assert journal.verify(anchor).segments == 3
    assert holds(directory, anchor)
    return directory, anchor


def mutations(sound: tuple[Path, str], work: Path, count: int, seed: int) -> Counter[str]:
    directory, anchor = sound
    chance, outcomes = random.Random(seed), Counter[str]()
    before = dump(directory)
    for number in range(count):
        place = work / str(number)
        shutil.copytree(directory, place)
        file = chance.choice(sorted(place.glob("audit*.db")))
        file.chmod(0o600)
        how = chance.choice((flip, flip, edit, edit, edit, delete, insert, swap, cut, rechain, files))
        try:
            how(file, chance)
        except (sqlite3.Error, UnicodeDecodeError):  # a constraint was against it, or it is unreadable
            outcomes["not done"] += 1
        with closing(Journal.open(place / "audit.db", FixedClock(2e9))) as journal:
            try:
                result = journal.verify(anchor)
                named = result.kind
            except StorageError:
                named = "unreadable"
        after = dump(place)
        told = f"mutation {number} of seed {seed}, {how.__name__} of {file.name}: {named or 'intact'}"
        if after == before:
            assert named in ("", "unreadable"), told
            outcomes["void" if not named else "void, told as damage"] += 1
        else:
            assert named, told
            assert not holds(place, anchor), f"the oracle saw nothing: {told}"
            outcomes[named] += 1
        shutil.rmtree(place)
    return outcomes


def opened(file: Path) -> Raw:
    raw = sqlite3.connect(file, isolation_level=None)
    for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    return raw


def flip(file: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    place = chance.randrange(len(data))
    for offset in range(chance.choice((1, 1, 1, 4, 16))):
        data[(place + offset) % len(data)] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def row_of(raw: Raw, table: str, chance: random.Random) -> int:
    rows = [row for (row,) in raw.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
    if not rows:
        raise sqlite3.DataError("nothing is there to be changed")
    return chance.choice(rows)


def edit(file: Path, chance: random.Random) -> None:
    with closing(opened(file)) as raw:
        table = chance.choice(("audit", "audit", "change", "evidence"))
        column = chance.choice(TABLES[table])
        row = row_of(raw, table, chance)
        (old,) = raw.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        other = raw.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row_of(raw, table, chance),)).fetchone()[
            0
        ]
        text = old if isinstance(old, str) else str(old)
        values = [other, text, text.encode(), text + " ", text.upper(), "", b"\xff\xfe", 0, -1, 1 << 62, 1.5, "\ud7ff"]
        if isinstance(old, int):
            values += [old + 1, float(old) + 0.25]
        if isinstance(old, bytes):
            values += [old.replace(b"x", b"y", 1), old.decode("utf-8"), old[:-1]]
        raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (chance.choice(values), row))


def delete(file: Path, chance: random.Random) -> None:
    with closing(opened(file)) as raw:
        table = chance.choice(tuple(TABLES))
        raw.execute(f"DELETE FROM {table} WHERE rowid = ?", (row_of(raw, table, chance),))
        if table == "audit" and chance.random() < 0.5:  # and close the gap
            rows = raw.execute("SELECT seq FROM audit ORDER BY seq").fetchall()
            for place, (seq,) in enumerate(rows, rows[0][0]):
                raw.execute("UPDATE audit SET seq = ? WHERE seq = ?", (place, seq))


def insert(file: Path, chance: random.Random) -> None:
    with closing(opened(file)) as raw:
        table = chance.choice(tuple(TABLES))
        columns = ", ".join(TABLES[table])
        values = list(
            raw.execute(f"SELECT {columns} FROM {table} WHERE rowid = ?", (row_of(raw, table, chance),)).fetchone()
        )
        if table == "audit":
            values[0] = raw.execute("SELECT max(seq) + 1 FROM audit").fetchone()[0]
        else:
            values[0] = str(values[0])[:-1] + "0f"
        raw.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))})", values)


def swap(file: Path, chance: random.Random) -> None:
    with closing(opened(file)) as raw:
        table = chance.choice(("audit", "change"))
        one, two = row_of(raw, table, chance), row_of(raw, table, chance)
        column = chance.choice(TABLES[table][1:])
        found = [
            raw.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()[0] for row in (one, two)
        ]
        raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (found[1], one))
        raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (found[0], two))


def cut(file: Path, chance: random.Random) -> None:
    """The newest entries, and what they did to the changes, are gone."""
    with closing(opened(file)) as raw:
        seq = row_of(raw, "audit", chance)
        raw.execute("DELETE FROM audit WHERE seq >= ?", (seq,))
        raw.execute("DELETE FROM change WHERE last_seq >= ?", (seq,))
        raw.execute("DELETE FROM evidence WHERE seq >= ?", (seq,))


def rechain(file: Path, chance: random.Random) -> None:
    """One entry is another, and every hash behind it fits again."""
    with closing(opened(file)) as raw:
        at = row_of(raw, "audit", chance)
        rows = raw.execute("SELECT seq, body, prev FROM audit WHERE seq >= ? ORDER BY seq", (at,)).fetchall()
        prev = rows[0][2]
        for seq, body, _ in rows:
            if seq == at:
                body = canonical(json.loads(body) | {"forged": chance.random() * 0 == 0})
            raw.execute(
                "UPDATE audit SET body = ?, prev = ?, hash = ? WHERE seq = ?", (body, prev, link_hash(prev, body), seq)
            )
            prev = link_hash(prev, body)


def files(file: Path, chance: random.Random) -> None:
    """Whole files are deleted, exchanged or cut."""
    others = [other for other in sorted(file.parent.glob("audit*.db")) if other != file]
    what = chance.randrange(3)
    if what == 0 and file.name != "audit.db":
        file.unlink()
    elif what == 1:
        file.write_bytes(chance.choice(others).read_bytes())
    else:
        data = file.read_bytes()
        file.write_bytes(data[: chance.randrange(len(data))])


def check(outcomes: Counter[str], count: int) -> None:
    assert sum(outcomes.values()) - outcomes["not done"] == count
    assert outcomes["void"] > count / 50, "some change nothing that is promised"
    wanted = {
        "edited",
        "removed",
        "change-edited",
        "evidence-edited",
        "segment-swapped",
        "unreadable",
        "rewritten",
        "shortened",
    }
    assert not wanted - set(outcomes), outcomes


def test_random_mutations_are_named(sound: tuple[Path, str], tmp_path: Path) -> None:
    check(mutations(sound, tmp_path, 400, 1), 400)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(10, 20))
def test_ten_thousand_mutations_are_named(sound: tuple[Path, str], tmp_path: Path, seed: int) -> None:
    check(mutations(sound, tmp_path, 1000, seed), 1000)
