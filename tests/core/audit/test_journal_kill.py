"""kill -9 of a writer: what it was told is stored, is stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from optischema_tui.core.audit.journal import Journal

KILLS = 15
WRITER = """
import sys
from pathlib import Path
from optischema_tui.core.audit.journal import Journal
import dataclasses
sys.path.insert(0, sys.argv[2])
from conftest import make_change
journal = Journal.open(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    change = dataclasses.replace(make_change(1), updated_at=float(number))
    entry = journal.save(change, "step", {"n": number})
    print(entry.seq, entry.hash, flush=True)
"""


def test_no_acknowledged_entry_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    acknowledged: dict[int, str] = {}
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(3 + kill * 7 % 11):
            seq, digest = process.stdout.readline().split()
            acknowledged[int(seq)] = digest
        process.kill()
        for line in process.stdout.read().splitlines():
            if len(parts := line.split()) == 2 and len(parts[1]) == 64:
                acknowledged[int(parts[0])] = parts[1]
        process.wait(10)
        process.stdout.close()
    journal = Journal.open(path)
    result = journal.verify()
    stored = {entry.seq: entry.hash for entry in journal.entries()}
    journal.close()
    assert result.ok, result.problem
    assert len(acknowledged) > KILLS * 3
    assert {seq: stored.get(seq) for seq in acknowledged} == acknowledged
