"""A screen written to files of the current directory."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from optischema_tui.core.clock import iso
from optischema_tui.core.errors import StorageError
from optischema_tui.core.safe_text import clean, redact

_COMPACT = str.maketrans("", "", "-:")


def write_export(directory: Path, screen: str, text: str, value: object, at: float) -> tuple[Path, Path]:
    """Write `text` and `value` (as JSON) to two new files (0600) and give their paths. Raises StorageError."""
    stem = f"optischema-{screen}-{iso(at).translate(_COMPACT)}"
    for turn in range(100):
        name = stem if turn == 0 else f"{stem}-{turn}"
        paths = (directory / f"{name}.txt", directory / f"{name}.json")
        if any(path.exists() for path in paths):
            continue
        _write(paths[0], clean(redact(text)))
        _write(paths[1], json.dumps(_plain(value), indent=2, ensure_ascii=True) + "\n")
        return paths
    raise StorageError(f"No free file name was found for {stem}", todo="Remove older exports of this second")


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written", str(error.strerror or error), "Start the program in a writable directory"
        ) from error


def _plain(value: Any) -> Any:
    """JSON values only; strings without secrets."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))
