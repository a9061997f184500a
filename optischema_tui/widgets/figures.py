"""Numbers as short text. None is an em dash: not known is never zero."""

from __future__ import annotations

UNKNOWN = "—"


def milliseconds(value: float | None) -> str:
    """`0.042 ms`, `4.2 ms`, `1.30 s`, `2.5 min`, `3.1 h` for milliseconds."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value:.3f} ms"
    if value < 100:
        return f"{value:.1f} ms"
    if value < 1000:
        return f"{value:.0f} ms"
    return seconds(value / 1000)


def seconds(value: float | None) -> str:
    """`0.4 s`, `12 s`, `2.5 min`, `3.1 h`, `2.0 d` for seconds."""
    if value is None:
        return UNKNOWN
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.1f} min"
    return f"{value / 3600:.1f} h" if value < 172_800 else f"{value / 86_400:.1f} d"


def count(value: float | None) -> str:
    """`999`, `12.3k`, `4.5M`, `1.2G`."""
    if value is None:
        return UNKNOWN
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.1f}{unit}"
    return f"{value:.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.1f}"


def rate(value: float | None) -> str:
    """Like `count`, for figures per second: `<0.1` for what is there but would round to nothing."""
    return "<0.1" if value is not None and 0 < value < 0.05 else count(value)


def octets(value: float | None) -> str:
    """`512 B`, `16 kB`, `1.2 MB` for bytes, in powers of 1024 as PostgreSQL writes them."""
    if value is None:
        return UNKNOWN
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def percent(value: float | None) -> str:
    """`42.1%` for 0.421."""
    return UNKNOWN if value is None else f"{value * 100:.1f}%"


def age(value: float) -> str:
    """`8 s`, `3 min`, `2 h`, `4 d`: how old something is, coarse."""
    if value < 60:
        return f"{max(0, int(value))} s"
    if value < 3600:
        return f"{int(value / 60)} min"
    return f"{int(value / 3600)} h" if value < 86_400 else f"{int(value / 86_400)} d"
