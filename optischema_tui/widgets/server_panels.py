"""What the server as a whole does, as panels of lines: one a query family, each saying by itself what it lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optischema_tui.core.models import Reading
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs, bar
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.live_table import Cell, Column
from optischema_tui.widgets.reading_rows import Pair, Row, ago, basis, grid, lacking_words, number, rows_of
from optischema_tui.widgets.sections import heading

IO_SHOWN = 8
ROWS_SHOWN = 30
MANY_XIDS = 200_000_000
"""The default of autovacuum_freeze_max_age: older databases are being frozen by force."""
MUCH_WAL = 2**30
_BYTES = re.compile(r"(\d*)(B|kB|MB|GB)")

Body = Callable[[Pair, int, Glyphs], list[Line]]


@dataclass(frozen=True, slots=True)
class Panel:
    family: str
    title: str
    body: Body
    counts: bool
    """Its figures are counters: the title says what they are relative to."""
    newer: tuple[str, ...] = ()
    """Columns drawn here that not every version has: their absence is worth a word."""


def panel_lines(
    readings: Mapping[str, Pair], panels: tuple[Panel, ...], width: int, glyphs: Glyphs, *, past: bool = False
) -> list[Line]:
    """`panels` under each other. One that could not be read gives its reason; one not read yet says so."""
    lines: list[Line] = []
    for panel in panels:
        pair = readings.get(panel.family)
        reading = pair[0] if pair is not None else None
        counts = pair is not None and panel.counts and not pair[0].problem
        lines.append(heading(panel.title, basis(pair) if pair is not None and counts else "", width, glyphs))
        if pair is None or reading is None:
            lines.append((("history holds none of this moment" if past else "not read yet", "dim"),))
        elif reading.problem:
            lines += wrap(((reading.problem, "warn"),), width)
        else:
            lines += panel.body(pair, width, glyphs)
            lines += _left(reading, panel.newer, width)
        lines.append(())
    return lines


def _left(reading: Reading, newer: tuple[str, ...], width: int) -> list[Line]:
    lines: list[Line] = []
    lacking = [name for name in reading.lacking if name in newer]
    if reading.left_out:
        lines.append(((f"{reading.left_out:,} more were not read", "warn"),))
    if lacking:
        lines += wrap(((lacking_words(lacking), "dim"),), width, 2)
    return lines


def _rate(column: str, label: str, name: str, width: int = 8, from_width: int = 0) -> Column[Row]:
    return Column(column, label, width, lambda row, _: number(row, name), None, True, from_width)


def _octets(column: str, label: str, name: str, width: int = 8, from_width: int = 0) -> Column[Row]:
    return Column(column, label, width, lambda row, _: figures.octets(row.figure(name)), None, True, from_width)


def _text(column: str, label: str, width: int, name: str, from_width: int = 0) -> Column[Row]:
    return Column(
        column, label, width, lambda row, _: str(row.get(name)) if row.get(name) is not None else "", None, False,
        from_width,
    )  # fmt: skip


# --- databases ---


def _databases(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    def old(row: Row, width: int) -> Cell:
        age = row.get("xid_age")
        return figures.count(age), "warn" if age is not None and age > MANY_XIDS else ""

    def hit(row: Row, width: int) -> Cell:
        return figures.percent(row.figure("hit_ratio"))

    def bad(name: str) -> Callable[[Row, int], Cell]:
        return lambda row, _: (number_text(row, name), "warn" if row.figure(name) else "")

    columns: list[Column[Row]] = [
        Column("name", "DATABASE", 16, lambda row, _: (str(row.get("datname") or "(shared)"), "strong")),
        Column("now", "CONN", 5, lambda row, _: figures.count(row.get("numbackends")), right=True),
        _rate("commit", "COMMIT", "xact_commit"),
        Column("rollback", "ROLLB", 7, bad("xact_rollback"), right=True),
        Column("hit", "HIT", 6, hit, right=True),
        _octets("temp", "TEMP", "temp_bytes"),
        Column("deadlocks", "DEADL", 6, bad("deadlocks"), right=True),
        Column("age", "XID AGE", 8, old, right=True, from_width=72),
        _rate("read", "ROWS READ", "tup_returned", 9, 90),
        _rate("conflicts", "CONFL", "conflicts", 6, 90),
    ]
    rows = sorted(rows_of(pair), key=lambda row: -(row.total("xact_commit", "xact_rollback") or 0.0))
    lines = grid(columns, rows, width, ROWS_SHOWN)
    broken = sum(row.get("checksum_failures") or 0 for row in rows)
    if broken:
        lines.append(((f"{broken:,} pages failed their checksum: storage is damaged", "bad"),))
    return lines


def number_text(row: Row, name: str) -> str:
    return figures.rate(row.figure(name))


# --- input and output, WAL, checkpoints ---


def _io(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    def name(row: Row, width: int) -> Cell:
        return f"{row.get('backend_type')}, {row.get('object')}, {row.get('context')}"

    columns: list[Column[Row]] = [
        Column("who", "WHO, WHAT, CONTEXT", 0, name),
        _octets("read", "READ", "read_bytes"),
        _octets("written", "WRITTEN", "write_bytes"),
        _octets("extended", "EXTENDED", "extend_bytes"),
        _rate("hits", "HITS", "hits", 8, 70),
        _rate("evictions", "EVICTED", "evictions", 8, 84),
        _rate("fsyncs", "FSYNCS", "fsyncs", 7, 84),
    ]
    rows = rows_of(pair)
    rows.sort(key=lambda row: -(row.total("read_bytes", "write_bytes", "extend_bytes") or 0.0))
    busy = [row for row in rows if row.total("read_bytes", "write_bytes", "extend_bytes", "hits", "fsyncs")]
    return grid(columns, busy, width, IO_SHOWN) if busy else [(("nothing was read or written", "dim"),)]


def _pairs(items: list[tuple[str, str, str]], width: int) -> list[Line]:
    """`label value` pairs flowing over lines, the unknown left out; the third of each is the value's role."""
    line: list[tuple[str, str]] = []
    for label, value, role in items:
        if value.startswith(figures.UNKNOWN):
            continue
        line += [(f"{label} ".replace(" ", "\u00a0"), "dim"), (value.replace(" ", "\u00a0"), role), ("   ", "")]
    return [tuple((text.replace("\u00a0", " "), role) for text, role in each) for each in wrap(tuple(line), width)]


def _wal(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    items = []
    for row in rows_of(pair):
        moved = row.figure("position") if row.each_second else None
        per = "/s" if row.each_second else ""
        if moved is not None:
            items.append(("replayed" if row.get("in_recovery") else "written", f"{figures.octets(moved)}/s", "strong"))
        items += [
            ("WAL", f"{figures.octets(row.figure('wal_bytes'))}{per}", ""),
            ("records", f"{number_text(row, 'wal_records')}{per}", ""),
            ("full pages", f"{number_text(row, 'wal_fpi')}{per}", ""),
            ("buffers full", f"{number_text(row, 'wal_buffers_full')}{per}",
             "warn" if row.figure("wal_buffers_full") else ""),
            ("writes", f"{number_text(row, 'wal_write')}{per}", ""),
            ("syncs", f"{number_text(row, 'wal_sync')}{per}", ""),
        ]  # fmt: skip
    return _pairs(items, width)


def _checkpoints(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    items: list[tuple[str, str, str]] = []
    reading = pair[0]
    for row in rows_of(pair):
        per = "/s" if row.each_second else ""
        timed, asked = row.get("num_timed"), row.get("num_requested")
        forced = bool(asked and timed is not None and asked > timed)
        items += [
            ("timed", figures.count(timed), ""),
            ("requested", figures.count(asked), "warn" if forced else ""),
            ("done", figures.count(row.get("num_done")), ""),
            ("buffers written", f"{number_text(row, 'buffers_written')}{per}", ""),
            ("by the background writer", f"{number_text(row, 'buffers_clean')}{per}", ""),
            ("by backends", f"{number_text(row, 'buffers_backend')}{per}", ""),
            ("writing took", figures.milliseconds(row.get("write_time")), ""),
            ("syncing", figures.milliseconds(row.get("sync_time")), ""),
        ]
        if row.get("archived_count") or row.get("failed_count"):
            items += [
                ("archived", figures.count(row.get("archived_count")), ""),
                ("last", ago(reading, row.get("last_archived_time")), ""),
                ("failed", figures.count(row.get("failed_count")), "bad" if _failing(row) else ""),
            ]
        if _failing(row):
            items.append(("cannot archive", str(row.get("last_failed_wal")), "bad"))
    return _pairs(items, width)


def _failing(row: Row) -> bool:
    """The last attempt to archive failed."""
    failed, done = row.get("last_failed_time"), row.get("last_archived_time")
    return failed is not None and (done is None or failed > done)


# --- replication ---


def _replication(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    def lag(row: Row, width: int) -> Cell:
        seconds = row.get("replay_lag")
        return figures.seconds(seconds), "warn" if seconds is not None and seconds > 10 else ""

    def behind(row: Row, width: int) -> Cell:
        size = row.get("replay_bytes")
        return figures.octets(size), "warn" if size is not None and size > MUCH_WAL else ""

    columns: list[Column[Row]] = [
        _text("what", "WHAT", 12, "what"),
        Column("name", "NAME", 0, lambda row, _: (str(row.get("name") or row.get("pid") or ""), "strong")),
        _text("client", "WITH", 16, "client", 76),
        _text("state", "STATE", 10, "state"),
        _text("sync", "SYNC", 6, "sync_state", 90),
        Column("behind", "BEHIND", 8, behind, right=True),
        Column("lag", "LAG", 8, lag, right=True),
        Column("silent", "SILENT", 8, lambda row, _: figures.seconds(row.get("silent")), right=True, from_width=84),
    ]
    rows = rows_of((pair[0], None))
    return grid(columns, rows, width, ROWS_SHOWN) if rows else [(("nobody follows, nothing is followed", "dim"),)]


def _slots(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    def kept(row: Row, width: int) -> Cell:
        size = row.get("retained_bytes")
        return figures.octets(size), "warn" if size is not None and size > MUCH_WAL else ""

    def status(row: Row, width: int) -> Cell:
        word = str(row.get("invalidation_reason") or row.get("wal_status") or "")
        return word, "bad" if word not in ("reserved", "extended", "") else ""

    columns: list[Column[Row]] = [
        Column("name", "SLOT", 0, lambda row, _: (str(row.get("slot_name")), "strong")),
        _text("type", "TYPE", 8, "slot_type"),
        _text("db", "DATABASE", 12, "database", 84),
        Column("active", "ACTIVE", 6, lambda row, _: "yes" if row.get("active") else ("no", "warn")),
        Column("kept", "RETAINED", 8, kept, right=True),
        Column("safe", "SAFE", 8, lambda row, _: figures.octets(row.get("safe_wal_size")), right=True, from_width=70),
        Column("status", "STATUS", 16, status),
    ]
    rows = rows_of((pair[0], None))
    return grid(columns, rows, width, ROWS_SHOWN) if rows else [(("no replication slot", "dim"),)]


# --- now ---


def _progress(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    for row in rows_of((pair[0], None)):
        name = ".".join(str(each) for each in (row.get("schema"), row.get("name")) if each)
        done, total = row.get("done"), row.get("total")
        share = done / total if done is not None and total else None
        picture = f"{bar(share, 12, glyphs)} " if share is not None else ""
        amount = (
            f"{figures.percent(share)} of {figures.count(total)} {row.get('unit') or ''}" if share is not None else ""
        )
        lines += wrap(
            ((f"{row.get('pid')} ", "dim"), (f"{row.get('command')} ", "strong"),
             (f"{name or row.get('database') or ''} ", ""), (f"{row.get('phase') or ''}  ", "dim"), (picture, "bar"),
             (amount, "")), width, 2,
        )  # fmt: skip
    return lines or [(("no long command runs", "dim"),)]


def _settings(pair: Pair, width: int, glyphs: Glyphs) -> list[Line]:
    rows = rows_of((pair[0], None))
    waiting = [row for row in rows if row.get("pending_restart")]
    lines: list[Line] = []
    for row in waiting:
        lines.append(((f"{row.get('name')} waits for a restart", "warn"),))
    changed = [row for row in rows if row.get("source") not in ("default", "override", None)]

    columns: list[Column[Row]] = [
        Column("name", "SETTING", 32, lambda row, _: (str(row.get("name")), "warn" if row in waiting else "")),
        Column("value", "VALUE", 0, lambda row, _: setting_words(row.get("setting"), row.get("unit"))),
        Column("boot", "DEFAULT", 14, lambda row, _: (setting_words(row.get("boot_val"), row.get("unit")), "dim"),
               from_width=70),
        _text("source", "FROM", 18, "source"),
    ]  # fmt: skip
    if not changed:
        return [*lines, (("every setting has its default", "dim"),)]
    return [*lines, *grid(columns, changed, width)]


def setting_words(value: object, unit: object) -> str:
    """`2.0 GB` for 262144 in units of 8kB; other units as the server writes them."""
    text = "" if value is None else str(value)
    found = _BYTES.fullmatch(str(unit))
    if found is not None and text.isdecimal():
        return figures.octets(int(text) * int(found[1] or 1) * 1024 ** ("B", "kB", "MB", "GB").index(found[2]))
    return f"{text} {unit}" if text and unit else text


PANELS = (
    Panel("progress", "Commands in progress", _progress, False),
    Panel("databases", "Databases", _databases, True),
    Panel("io", "Input and output", _io, True, ("read_bytes", "write_bytes", "extend_bytes")),
    Panel("wal", "Write-ahead log", _wal, True,
          ("wal_bytes", "wal_records", "wal_fpi", "wal_buffers_full", "wal_write", "wal_sync")),
    Panel("checkpointer", "Checkpoints and archiving", _checkpoints, False, ("num_done",)),
    Panel("replication", "Replication", _replication, False),
    Panel("slots", "Replication slots", _slots, False, ("invalidation_reason",)),
    Panel("settings", "Settings that were changed", _settings, False),
)  # fmt: skip
"""In the order of one column."""
LEFT, RIGHT = PANELS[1:5], (PANELS[0], *PANELS[5:])
"""The same beside each other."""
