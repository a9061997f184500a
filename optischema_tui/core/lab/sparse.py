"""Gives empty relations the size of the target's, as holes in files, and B-trees their height."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from optischema_tui.core.lab.image import BLOCK_SIZE

SEGMENT_PAGES = 131072
BTREE_MAGIC = 0x053162
_USABLE = 8152
"""Bytes of a page between its header and a B-tree's special space."""
_FILL = 0.7


def align8(size: float) -> int:
    return (int(size + 0.999999) + 7) // 8 * 8


def pages_of(path: Path) -> int:
    """Pages of the relation whose first segment is `path`."""
    total = 0
    segment = path
    number = 0
    while segment.exists():
        total += segment.stat().st_size // BLOCK_SIZE
        number += 1
        segment = path.with_name(f"{path.name}.{number}")
    return total


def extend(path: Path, pages: int) -> None:
    """Make the relation `pages` long, never shorter than it is. Raises OSError (EFBIG under a file size limit)."""
    owner = path.stat()
    for number in range((pages + SEGMENT_PAGES - 1) // SEGMENT_PAGES):
        segment = path if number == 0 else path.with_name(f"{path.name}.{number}")
        size = min(SEGMENT_PAGES, pages - number * SEGMENT_PAGES) * BLOCK_SIZE
        if segment.exists():
            if segment.stat().st_size < size:
                os.truncate(segment, size)
            continue
        descriptor = os.open(segment, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        try:
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)


def btree_height(pages: int, key_width: float, fill: float = _FILL) -> int:
    """Levels above the leaves of a B-tree of `pages` pages (0: the root is a leaf), inner pages being `fill` full."""
    nodes, height = pages - 1, 0
    fan_out = max(2.0, _USABLE * fill / (align8(key_width + 8) + 4))
    while nodes > 1:
        nodes = int(-(-nodes // fan_out))
        height += 1
    return height


def patch_btree(path: Path, height: int) -> None:
    """Write a chain of empty pages, root to leaf, into an extended empty B-tree, so that it reports `height`.

    A chain and not a single page: the planner descends it when it looks for a column's extremes.
    """
    with open(path, "r+b") as file:
        meta = bytearray(file.read(BLOCK_SIZE))
        if struct.unpack_from("<I", meta, 24)[0] != BTREE_MAGIC:
            raise OSError(f"{path.name} does not begin like a B-tree")
        struct.pack_into("<IIII", meta, 32, 1, height, 1, height)
        file.seek(0)
        file.write(meta)
        for block in range(1, height + 1):
            file.write(_inner_page(child=block + 1, level=height + 1 - block, root=block == 1))
        file.write(_page(lower=24, upper=8176, level=0, flags=1))


def _page(*, lower: int, upper: int, level: int, flags: int) -> bytearray:
    page = bytearray(BLOCK_SIZE)
    struct.pack_into("<HHHHHH", page, 8, 0, 0, lower, upper, 8176, 0x2004)
    struct.pack_into("<IIIHH", page, 8176, 0, 0, level, flags, 0)
    return page


def _inner_page(*, child: int, level: int, root: bool) -> bytearray:
    page = _page(lower=28, upper=8168, level=level, flags=2 if root else 0)
    struct.pack_into("<I", page, 24, 8168 | 1 << 15 | 8 << 17)
    struct.pack_into("<HHHH", page, 8168, child >> 16, child & 0xFFFF, 0, 0x2008)
    return page
