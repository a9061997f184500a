"""A stopped server's data directory as one file, and back. Blocks of zeros are left out: they come back as holes.

One file, so that it appears whole, by a rename, or not at all. Layout: `MAGIC`, the blocks that are not all zeros in
the order of the index, the index as JSON (a note of the caller, directories, files with their runs of blocks), and a
tail with the index's place, its CRC-32 and that of the blocks. A pack guards against damage, not against an enemy:
keep it where only the user may write.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"optischema pack 1\n"
BLOCK = 8192
CHUNK = 128 * BLOCK
_TAIL = struct.Struct("<QQII8s")
_END = b"packend\n"
_ZEROS = bytes(BLOCK)
_LEFT_OUT = frozenset({"postmaster.pid", "postmaster.opts"})
"""Files of a running server, and of this machine's place for it."""


class Damaged(Exception):
    """The file is not a whole pack."""


class _Sum:
    """Writes blocks and keeps their sum."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.crc = 0
        self.length = 0

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.crc = zlib.crc32(data, self.crc)
        self.length += len(data)


def pack(directory: Path, out: BinaryIO, note: Any) -> None:
    """Write the data directory of a server that is down to `out`, with `note` (anything that JSON can say).

    Raises OSError. Links and other special files are left out; a lab has none.
    """
    out.write(MAGIC)
    sink = _Sum(out)
    directories: list[str] = []
    files: list[tuple[str, int, list[int]]] = []
    for path, is_directory in _walk(str(directory), ""):
        if is_directory:
            directories.append(path)
        elif path not in _LEFT_OUT:
            files.append((path, *_pack_file(os.path.join(directory, path), sink)))
    index = json.dumps({"note": note, "directories": directories, "files": files}).encode()
    out.write(index)
    out.write(_TAIL.pack(len(MAGIC) + sink.length, len(index), zlib.crc32(index), sink.crc, _END))


def read_note(file: BinaryIO) -> Any:
    """The note of a pack. Raises Damaged; that its blocks are sound only `unpack` can say."""
    return _read_index(file)[0]["note"]


def unpack(file: BinaryIO, directory: Path, owner: int | None = None) -> None:
    """Make `directory` (0700, with all that was in it) from a pack; `owner` is the user id it shall belong to.

    Raises Damaged, also at the very end: then the directory must not be used. Raises OSError.
    """
    index, expected = _read_index(file)
    file.seek(len(MAGIC))
    crc = 0
    os.mkdir(directory, 0o700)
    _give(directory, owner)
    for name in index["directories"]:
        os.mkdir(os.path.join(directory, name), 0o700)
        _give(os.path.join(directory, name), owner)
    for name, size, runs in index["files"]:
        crc = _unpack_file(file, os.path.join(directory, name), size, runs, crc, owner)
    if crc != expected:
        raise Damaged("the sum of its blocks is wrong")


def _walk(root: str, inside: str) -> Iterator[tuple[str, bool]]:
    """Paths below `root` relative to it, and whether each is a directory; a directory comes before what is in it."""
    with os.scandir(os.path.join(root, inside)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = os.path.join(inside, entry.name)
        if entry.is_dir(follow_symlinks=False):
            yield path, True
            yield from _walk(root, path)
        elif entry.is_file(follow_symlinks=False):
            yield path, False


def _pack_file(path: str, sink: _Sum) -> tuple[int, list[int]]:
    """Size of the file in bytes, and its runs: block number, bytes, block number, bytes ..."""
    runs: list[int] = []
    position = 0
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while chunk := os.read(descriptor, CHUNK):
            for start in range(0, len(chunk), BLOCK):
                block = chunk[start : start + BLOCK]
                if _ZEROS.startswith(block):
                    continue
                at = position + start
                if runs and runs[-2] * BLOCK + runs[-1] == at:
                    runs[-1] += len(block)
                else:
                    runs += (at // BLOCK, len(block))
                sink.write(block)
            position += len(chunk)
    finally:
        os.close(descriptor)
    return position, runs


def _unpack_file(file: BinaryIO, path: str, size: int, runs: list[int], crc: int, owner: int | None) -> int:
    """Make one file and return the sum with its blocks."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        end = 0
        for block, length in zip(runs[::2], runs[1::2], strict=True):
            data = file.read(length)
            if len(data) != length:
                raise Damaged("it ends too early")
            crc = zlib.crc32(data, crc)
            end = block * BLOCK + length
            _write_at(descriptor, data, block * BLOCK)
        if end < size:
            os.ftruncate(descriptor, size)
        if owner is not None:
            os.fchown(descriptor, owner, owner)
    finally:
        os.close(descriptor)
    return crc


def _write_at(descriptor: int, data: bytes, position: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:] if written else data, position + written)


def _give(path: str | Path, owner: int | None) -> None:
    if owner is not None:
        os.chown(path, owner, owner)


def _read_index(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """The index, and the sum that the blocks should have."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC or end < len(MAGIC) + _TAIL.size:
        raise Damaged("it does not begin like a pack")
    file.seek(end - _TAIL.size)
    start, length, index_crc, crc, mark = _TAIL.unpack(file.read(_TAIL.size))
    if mark != _END or start + length + _TAIL.size != end:
        raise Damaged("it does not end like a pack")
    file.seek(start)
    text = file.read(length)
    if zlib.crc32(text) != index_crc:
        raise Damaged("the sum of its index is wrong")
    index: dict[str, Any] = json.loads(text)
    return index, crc
