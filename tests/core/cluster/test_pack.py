"""A data directory becomes one file and comes back, holes as holes; damage is always noticed."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from optischema_tui.core.cluster.pack import BLOCK, Damaged, pack, read_note, unpack


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    (made / "base" / "empty").mkdir(parents=True)
    (made / "PG_VERSION").write_text("18\n")
    (made / "base" / "nothing").touch()
    (made / "base" / "odd").write_bytes(b"x" * (BLOCK + 100))
    (made / "base" / "zeros inside").write_bytes(b"a" * BLOCK + bytes(3 * BLOCK) + b"b" * 10)
    (made / "base" / "zeros").write_bytes(bytes(2 * BLOCK))
    (made / "postmaster.pid").write_text("1\n")
    return made


def tree(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
        for path in sorted(directory.rglob("*"))
    }


def packed(directory: Path, note: object = None) -> io.BytesIO:
    out = io.BytesIO()
    pack(directory, out, note)
    return out


def test_everything_comes_back_but_the_signs_of_a_running_server(directory: Path, tmp_path: Path) -> None:
    pack_file = packed(directory, {"of": ["a", 1]})
    assert read_note(pack_file) == {"of": ["a", 1]}
    unpack(pack_file, tmp_path / "back")
    expected = tree(directory)
    del expected["postmaster.pid"]
    assert tree(tmp_path / "back") == expected
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "back" / "PG_VERSION").stat().st_mode & 0o777 == 0o600
    assert packed(tmp_path / "back", {"of": ["a", 1]}).getvalue() == pack_file.getvalue()


def test_a_hole_stays_a_hole(tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.mkdir()
    with open(source / "16384", "wb") as file:
        file.write(b"\1" * BLOCK)
        file.truncate(64 << 20)
    out = packed(source)
    assert len(out.getvalue()) < 2 * BLOCK
    unpack(out, tmp_path / "back")
    made = os.stat(tmp_path / "back" / "16384")
    assert (made.st_size, made.st_blocks * 512 < 1 << 20) == (64 << 20, True)


def test_every_cut_and_every_changed_byte_is_noticed(directory: Path, tmp_path: Path) -> None:
    whole = packed(directory, "note").getvalue()
    for end in (0, 5, 100, BLOCK, len(whole) // 2, len(whole) - 1):
        with pytest.raises(Damaged):
            unpack(io.BytesIO(whole[:end]), tmp_path / f"cut{end}")
    for at in range(0, len(whole), 997):
        changed = bytearray(whole)
        changed[at] ^= 0x40
        with pytest.raises(Damaged):
            unpack(io.BytesIO(changed), tmp_path / f"changed{at}")
