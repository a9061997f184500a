"""The lab as the jobs want it: from the cache where one is kept, and gone when they are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import StorageError
from optischema_tui.core.lab.build import build
from optischema_tui.core.lab.cache import LabCache
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.paths import Paths


@contextmanager
def open_lab(
    image: Image,
    binaries: Binaries,
    paths: Paths,
    *,
    target: str,
    sampler: Sampler | None = None,
    progress: Callable[[str, float], None] = lambda what, fraction: None,
) -> Iterator[Lab]:
    """The lab of `image` while the context lasts; `target` is the fingerprint of the server it was read from.

    It comes from the cache and is kept there for the next time, unless `paths` says otherwise. What hinders that is
    told through `progress` and stops nothing. Raises LabError when no lab can be made.
    """
    begun = SYSTEM.monotonic()
    place = _place(paths)
    cache = LabCache(place) if place is not None and paths.keep_labs else None
    parts = build(image, binaries, progress, cache, target)
    if cache is not None and cache.problem:
        progress(cache.problem, 1.0)
    with Lab(image, parts, SYSTEM.monotonic() - begun, sampler) as lab:
        yield lab


def forget_labs(paths: Paths) -> int:
    """Remove every kept lab, with the sample values in it. Returns the bytes freed. Raises StorageError."""
    place = _place(paths)
    try:
        return LabCache(place).forget() if place is not None else 0
    except OSError as error:
        raise StorageError(
            f"The kept labs in {place} cannot be removed", str(error.strerror or error), f"Remove {place} by hand"
        ) from error


def _place(paths: Paths) -> Path | None:
    return paths.cache_dir / "labs" if paths.cache_dir is not None else None
