"""Attacks on the stored chain with raw SQLite: each is found and named."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.chain import canonical, link_hash
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.errors import StorageError
from optischema_tui.core.models import ChangeState

ENTRIES = 12
Raw = sqlite3.Connection


@pytest.fixture
def attacked(tmp_path: Path, make_change):
    """attack(change the file) -> what verify then says; the journal has 12 entries, the last two of changes."""
    path = tmp_path / "audit.db"
    journal = Journal.open(path)
    for number in range(ENTRIES - 3):
        journal.record("step", {"n": number})
    for number in (1, 2):
        journal.save(make_change(number, ChangeState.KEPT), "change.kept", {})
    anchor = journal.anchor()

    def attack(work: Callable[[Raw], object], anchored: bool = False):
        raw = sqlite3.connect(path, isolation_level=None)
        for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        work(raw)
        raw.close()
        return journal.verify(anchor if anchored else "")

    yield attack
    journal.close()


def entry(raw: Raw, seq: int) -> list:
    return list(
        raw.execute("SELECT seq, at, event, change_id, body, prev, hash FROM audit WHERE seq = ?", (seq,)).fetchone()
    )


def put(raw: Raw, row: list) -> None:
    raw.execute("INSERT OR REPLACE INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def rehash(row: list, prev: str, seq: int | None = None, **inner: object) -> list:
    body = json.loads(row[4]) | inner
    if seq is not None:
        row[0] = body["seq"] = seq
    row[4] = canonical(body)
    row[5], row[6] = prev, link_hash(prev, row[4])
    return row


def edit_body(raw: Raw) -> None:
    raw.execute("UPDATE audit SET body = CAST(replace(body, '\"n\":3', '\"n\":4') AS BLOB) WHERE seq = 5")


def edit_and_hash(raw: Raw) -> None:
    row = entry(raw, 5)
    put(raw, rehash(row, row[5], body={"n": 99}))


def edit_column(raw: Raw) -> None:
    raw.execute("UPDATE audit SET event = 'other' WHERE seq = 5")


def edit_time(raw: Raw) -> None:
    raw.execute("UPDATE audit SET at = at - 1 WHERE seq = 5")


def edit_hash(raw: Raw) -> None:
    raw.execute("UPDATE audit SET hash = prev WHERE seq = 5")


def nonsense(raw: Raw) -> None:
    raw.execute("UPDATE audit SET body = x'00ff', prev = 'zz' WHERE seq = 5")


def remove_middle(raw: Raw) -> None:
    raw.execute("DELETE FROM audit WHERE seq = 5")


def renumber_after_5(raw: Raw, by: int) -> None:
    raw.execute("UPDATE audit SET seq = -seq WHERE seq > 5")
    raw.execute("UPDATE audit SET seq = -seq + ? WHERE seq < 0", (by,))


def remove_and_close_the_gap(raw: Raw) -> None:
    raw.execute("DELETE FROM audit WHERE seq = 5")
    renumber_after_5(raw, -1)


def remove_and_relink_one(raw: Raw) -> None:
    raw.execute("DELETE FROM audit WHERE seq = 5")
    renumber_after_5(raw, -1)
    put(raw, rehash(entry(raw, 5), entry(raw, 4)[6], seq=5))


def remove_first(raw: Raw) -> None:
    raw.execute("DELETE FROM audit WHERE seq = 1")


def remove_all(raw: Raw) -> None:
    raw.execute("DELETE FROM audit")


def insert_linked(raw: Raw) -> None:
    renumber_after_5(raw, 1)
    forged = entry(raw, 5)
    forged[2] = "forged"
    put(raw, rehash(forged, forged[6], seq=6, event="forged"))


def insert_copy(raw: Raw) -> None:
    renumber_after_5(raw, 1)
    put(raw, [6, *entry(raw, 4)[1:]])


def swap_numbers(raw: Raw) -> None:
    for before, after in ((5, -5), (6, 5), (-5, 6)):
        raw.execute("UPDATE audit SET seq = ? WHERE seq = ?", (after, before))


def swap_bodies(raw: Raw) -> None:
    five, six = entry(raw, 5), entry(raw, 6)
    for row, body in ((five, six[4]), (six, five[4])):
        raw.execute("UPDATE audit SET body = ? WHERE seq = ?", (body, row[0]))


def edit_change(raw: Raw) -> None:
    raw.execute("UPDATE change SET body = replace(body, 'customer_id', 'email')")


def edit_change_state(raw: Raw) -> None:
    raw.execute("UPDATE change SET state = 'approved'")


def hide_change(raw: Raw) -> None:
    raw.execute("UPDATE change SET fingerprint = 'ffffffffffffffff' WHERE id LIKE '%-0002-%'")


def move_change(raw: Raw) -> None:
    raw.execute("UPDATE change SET recommendation_id = 'bb22' WHERE id LIKE '%-0002-%'")


def reorder_changes(raw: Raw) -> None:
    raw.execute("UPDATE change SET first_seq = 1 WHERE id LIKE '%-0002-%'")


def bytes_for_text(raw: Raw) -> None:
    raw.execute("UPDATE audit SET event = CAST(event AS BLOB) WHERE seq = 5")


def no_text(raw: Raw) -> None:
    raw.execute("UPDATE audit SET hash = CAST(x'fffe' AS TEXT) WHERE seq = 5")


def remove_change(raw: Raw) -> None:
    raw.execute("DELETE FROM change WHERE id LIKE '%-0002-%'")


def insert_change(raw: Raw) -> None:
    raw.execute("INSERT INTO change SELECT 'forged', 'f', 'r', state, 3, 3, body FROM change LIMIT 1")


def cut_tail(raw: Raw) -> None:
    raw.execute("DELETE FROM audit WHERE seq > 10")
    raw.execute("DELETE FROM change")


def rewrite_all(raw: Raw, **first: object) -> None:
    prev = "0" * 64
    for seq in range(1, ENTRIES + 1):
        row = rehash(entry(raw, seq), prev, **(first if seq == 1 else {"body": {"n": -1}} if seq == 5 else {}))
        put(raw, row)
        prev = row[6]


@pytest.mark.parametrize(
    ("work", "kind", "seq"),
    [
        (edit_body, "edited", 5),
        (edit_and_hash, "edited", 5),
        (edit_column, "edited", 5),
        (edit_time, "edited", 5),
        (edit_hash, "edited", 5),
        (nonsense, "edited", 5),
        (remove_middle, "removed", 5),
        (remove_and_close_the_gap, "removed", 5),
        (remove_and_relink_one, "removed", 6),
        (remove_first, "removed", 1),
        (remove_all, "removed", 1),
        (insert_linked, "inserted", 6),
        (insert_copy, "inserted", 6),
        (swap_numbers, "reordered", 5),
        (swap_bodies, "reordered", 5),
        (edit_change, "change-edited", 11),
        (edit_change_state, "change-edited", 11),
        (hide_change, "change-edited", 12),
        (move_change, "change-edited", 12),
        (reorder_changes, "change-edited", 12),
        (bytes_for_text, "edited", 5),
        (no_text, "edited", 5),
        (remove_change, "change-removed", 12),
        (insert_change, "change-inserted", 3),
    ],
)
@pytest.mark.parametrize("anchored", [False, True])
def test_an_attack_is_named(attacked, work: Callable[[Raw], object], kind: str, seq: int, anchored: bool) -> None:
    result = attacked(work, anchored)
    assert not result.ok
    assert (result.kind, result.first_bad) == (kind, seq), result.problem
    assert result.problem


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (cut_tail, "shortened"),
        (rewrite_all, "rewritten"),
        (lambda raw: rewrite_all(raw, body={"install_id": "0" * 32}), "other-install"),
    ],
)
def test_what_only_an_anchor_can_show(attacked, work: Callable[[Raw], object], kind: str) -> None:
    assert attacked(lambda raw: None, anchored=True).ok
    plain = attacked(work)
    assert plain.ok or plain.kind.startswith("change-"), "the chain alone cannot show this; document it if it can now"
    result = attacked(lambda raw: None, anchored=True)
    assert (result.ok, result.kind) == (False, kind)


def test_an_older_copy_of_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with closing(Journal.open(path)) as journal:
        journal.record("step", {"n": 1})
    older = path.read_bytes()
    with closing(Journal.open(path)) as journal:
        journal.record("step", {"n": 2})
        anchor = journal.anchor()
    path.write_bytes(older)
    with closing(Journal.open(path)) as journal:
        assert journal.verify().ok
        result = journal.verify(anchor)
        assert (result.kind, result.first_bad) == ("shortened", 3)
        journal.record("step", {"n": "another"})
        assert journal.verify(anchor).kind == "rewritten"


def test_the_triggers_stop_accidents(tmp_path: Path, make_change) -> None:
    path = tmp_path / "audit.db"
    journal = Journal.open(path)
    journal.save(make_change(1), "change.approved", {})
    raw = sqlite3.connect(path)
    for statement in ("DELETE FROM audit", "UPDATE audit SET at = 0", "DELETE FROM change"):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            raw.execute(statement)
    raw.close()
    assert journal.verify().ok
    journal.close()


def test_any_flipped_bit_of_an_entry_is_found(attacked) -> None:
    """300 random single-byte changes of body, prev or hash: none passes, none crashes the verifier."""
    chance = random.Random(20261122)
    for _ in range(300):
        seq, column = chance.randint(1, ENTRIES), chance.choice(["body", "prev", "hash"])
        kept: list = []

        def flip(raw: Raw, seq: int = seq, column: str = column, kept: list = kept) -> None:
            value = raw.execute(f"SELECT {column} FROM audit WHERE seq = ?", (seq,)).fetchone()[0]
            kept.append(value)
            data = bytearray(value if isinstance(value, bytes) else value.encode())
            place = chance.randrange(len(data))
            data[place] ^= 1 << chance.randrange(7)
            changed = bytes(data) if isinstance(value, bytes) else data.decode("latin-1")
            raw.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (changed, seq))

        result = attacked(flip)
        assert not result.ok, (seq, column)
        restored = attacked(
            lambda raw, seq=seq, column=column, kept=kept: raw.execute(
                f"UPDATE audit SET {column} = ? WHERE seq = ?", (kept[0], seq)
            )
        )
        assert restored.ok


def test_random_damage_to_the_file_is_told_and_never_crashes(tmp_path: Path, make_change) -> None:
    path = tmp_path / "audit.db"
    sound = Journal.open(path)
    for number in range(60):
        sound.save(make_change(number % 9), "step", {"n": number})
    sound.close()
    data, chance, outcomes = path.read_bytes(), random.Random(9), set()
    for _ in range(150):
        changed = bytearray(data)
        place = chance.randrange(len(changed))
        changed[place : place + 16] = chance.randbytes(len(changed[place : place + 16]))
        path.write_bytes(changed)
        journal = Journal.open(path)
        for read in (journal.verify, journal.entries, lambda journal=journal: list(journal.export("csv"))):
            try:
                found = read()
                outcomes.add(found.kind if read == journal.verify else "read")
            except StorageError:
                outcomes.add("told")
        journal.close()
        assert path.read_bytes()[place : place + 16] == changed[place : place + 16], "a damaged journal stays as it is"
    assert {"edited", "told", "read"} <= outcomes
