"""A text written to a file of its owner alone."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from optischema_tui.core.errors import StorageError, UsageError


def write_file(path: Path, text: str, *, force: bool = False) -> None:
    """Write `text` to `path` (0600), wholly or not at all.

    Raises UsageError when there is something at `path` and `force` is not given, StorageError when it cannot be
    written. With `force` a file there is replaced; a link is replaced itself, never what it leads to.
    """
    if os.path.lexists(path) and not force:
        raise _taken(path)
    try:
        handle, name = tempfile.mkstemp(prefix=".optischema-", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if not force:  # claims the name: fails when another program was quicker
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            os.replace(name, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written", error.strerror or str(error), "Choose another -o FILE"
        ) from error


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} exists already", "A file is not overwritten unasked", "Give --force, or another -o FILE")
