"""Everything that the journal tells of one change, laid out from its beginning to its end."""

from __future__ import annotations

import json
from typing import Any

from optischema_tui.core.audit.search import gist_of, hashes_of, users_of
from optischema_tui.core.audit.story import PLANS_AFTER, PLANS_BEFORE, Story
from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.safe_text import redact
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.plan_pair import plan_pair_lines
from optischema_tui.widgets.sections import heading, labelled
from optischema_tui.widgets.sql_view import sql_lines

_OF_THE_CHANGE = ("kind", "table", "index", "subject", "target", "recommendation")
_TOLD = frozenset({"who", "database", "result", "reason", "sql", "inverse_sql", "sql_hash", "from", "evidence",
                   "database_name", "system_identifier", "rolls_back", *_OF_THE_CHANGE})  # fmt: skip
_PIECE_LINES = 60


def story_lines(story: Story, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = [heading("Change", story.state, width, glyphs), *labelled("id", story.change_id, width)]
    if story.undoes:
        lines += labelled("undoes", story.undoes, width, role="warn")
    for change_id in story.undone_by:
        lines += labelled("undone by", change_id, width, role="warn")
    for name in _OF_THE_CHANGE:
        if value := _first(story, name):
            lines += labelled(name, redact(str(value)), width)
    for name, label in (("sql", "what runs"), ("inverse_sql", "the way back")):
        if value := _first(story, name):
            lines.append(((label, "dim"),))
            lines += [((" " * 2, ""), *line) for line in sql_lines(redact(str(value)), width - 2)]
    for entry in story.entries:
        lines += [(), *_step(story, entry, width, glyphs)]
    for pair in story.plans:
        lines += [(), heading("Plans", "", width, glyphs), *sql_lines(redact(pair.text), width)]
        lines += plan_pair_lines(pair.before, pair.after, width, glyphs)
    return lines


def _first(story: Story, name: str) -> Any:
    return next((entry.body[name] for entry in story.entries if entry.body.get(name)), None)


def _step(story: Story, entry: AuditEntry, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = [heading(f"{entry.seq} {entry.event}", local_stamp(entry.at), width, glyphs)]
    if names := users_of(entry):
        lines += labelled("by", ", ".join(names), width)
    told = gist_of(entry)
    if told and told != entry.body.get("sql"):
        lines += wrap(((redact(told), "strong"),), width, 2)
    for name, value in entry.body.items():
        if name not in _TOLD and value not in ("", None, {}, []):
            lines += labelled(name, redact(value if isinstance(value, str) else _compact(value)), width)
    for name, hashed in hashes_of(entry.body).items():
        lines.append(((f"evidence: {name} ", "accent"), (hashed[:12], "dim")))
        piece = story.evidence.get(hashed)
        if name in (PLANS_BEFORE, PLANS_AFTER) and piece is not None and story.plans:
            lines.append((("  its plans stand at the end", "dim"),))
            continue
        if piece is None:
            lines.append((("  deleted: it was older than evidence is kept", "dim"),))
            continue
        rows = json.dumps(piece, indent=2, ensure_ascii=False, default=str).splitlines()
        lines += [part for row in rows[:_PIECE_LINES] for part in wrap(((f"  {redact(row)}", ""),), width, 6)]
        if len(rows) > _PIECE_LINES:
            lines.append(
                ((f"  … {len(rows) - _PIECE_LINES} more lines: audit list --change {story.change_id}", "dim"),)
            )
    return lines


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
