"""A damaged file is moved aside, and its newest verified backup takes its place; without one a fresh file is begun."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from optischema_tui.core.clock import iso
from optischema_tui.core.history.backup import Backup, backups
from optischema_tui.core.history.file_format import Schema
from optischema_tui.core.history.filesystem import sync_directory

KEEP_ASIDE = 2
"""Damaged files that are kept to be looked into."""
_COMPANIONS = ("-wal", "-shm", "-journal")


def replace(path: Path, schema: Schema, at: float, why: str) -> str:
    """Put the newest backup, or nothing, in the place of the damaged file at `path`, which nobody here has open.

    The backup is moved, not copied: that takes no time and no room, and the next one is due at once. Gives the
    sentence for the person. Raises OSError.
    """
    aside = _free_name(path, at)
    # First its log: a damaged file without it is still found to be damaged when this program is killed here.
    for suffix in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    backup = next((one for one in backups(path) if one.format <= schema.latest), None)
    if backup is None:
        os.replace(path, aside)
        told = "and a fresh one begun"
    else:
        _swap(path, aside, backup)
        told = (
            f"and the backup of {iso(backup.at)} took its place: what was recorded in the {_age(at - backup.at)}"
            " since then is lost"
        )
    sync_directory(path.parent)
    _forget_older(path)
    reason = f" ({why})" if why else ""
    return f"{schema.what} was damaged{reason}: it was moved to {aside} {told}."


def how_to_restore(path: Path) -> str:
    """What a person can do about a damaged file that is never replaced by itself."""
    newest = next(iter(backups(path)), None)
    if newest is None:
        return "There is no backup of it: move the file away to begin a fresh one"
    return (
        f"End this program, move {path} and its -wal and -shm away, and copy {newest.path} (of {iso(newest.at)}),"
        f" its newest verified backup, to {path}"
    )


def _swap(path: Path, aside: Path, backup: Backup) -> None:
    """In one step where the file system has hard links: no moment without a file, at which a fresh one could begin."""
    try:
        os.link(path, aside)
    except OSError:
        os.replace(path, aside)
    os.replace(backup.path, path)


def _free_name(path: Path, at: float) -> Path:
    stamp = int(at)
    while (aside := path.with_name(f"{path.name}.corrupt-{stamp}")).exists():
        stamp += 1
    return aside


def _forget_older(path: Path) -> None:
    names = [name for name in path.parent.glob(f"{path.name}.corrupt-*") if name.suffix[len(".corrupt-") :].isdigit()]
    for old in sorted(names, key=lambda name: int(name.suffix[len(".corrupt-") :]))[:-KEEP_ASIDE]:
        for suffix in ("", *_COMPANIONS):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{old}{suffix}")


def _age(seconds: float) -> str:
    for name, unit in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes > 1 else "minute"
