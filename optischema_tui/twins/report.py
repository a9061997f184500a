"""`report`: a span of history as one HTML or Markdown file, for people without the program."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

from optischema_tui import __version__
from optischema_tui.core.clock import iso
from optischema_tui.core.errors import UsageError
from optischema_tui.core.export.as_html import html_text
from optischema_tui.core.export.as_markdown import report_markdown
from optischema_tui.core.export.file import write_file
from optischema_tui.core.export.sections import build_report, observed_share
from optischema_tui.core.jobs.report import gather_report
from optischema_tui.twins.context import Context, put
from optischema_tui.twins.window import identity_of, moment

_NAMEABLE = re.compile(r"[^a-z0-9]+")


def run(context: Context, arguments: Namespace) -> int:
    if context.json and arguments.output == "-":
        raise UsageError("--json tells of the file that is written", "With -o - there is none", "Leave out one of both")
    if arguments.html and arguments.md:
        raise UsageError("A report is either HTML or Markdown", todo="Leave out --html or --md")
    identity = identity_of(context, arguments.target)
    since = moment(context, arguments, "since")
    if since is None:
        raise UsageError("--since must name a moment")
    facts = gather_report(
        context.paths, identity, since=since, until=moment(context, arguments, "until"), limit=arguments.limit,
        made_with=f"optischema-tui {__version__}", clock=context.clock,
    )  # fmt: skip
    report = build_report(facts)
    form = "md" if arguments.md else "html"
    text = report_markdown(report) if form == "md" else html_text(report)
    if arguments.output == "-":
        put(text.rstrip("\n"))
        return 0
    path = Path(arguments.output or _file_name(identity.label or identity.database, facts.since, form))
    write_file(path, text, force=arguments.force)
    size = len(text.encode())
    context.out(
        {
            "target": report.facts[0][1], "fingerprint": identity.fingerprint, "file": str(path), "format": form,
            "bytes": size, "since": facts.since, "until": facts.until, "observed": observed_share(facts),
            "statements": len(facts.statements), "changes": len(facts.changes), "breaks": list(facts.breaks),
        },
        lambda: f"{path}: {size:,} bytes; {observed_share(facts):.1%} of the time was observed",
    )  # fmt: skip
    return 0


def _file_name(label: str, since: float, form: str) -> str:
    """`optischema-report-shop-20261120T1400.html` in the present directory."""
    name = _NAMEABLE.sub("-", label.lower()).strip("-")[:40] or "target"
    stamp = iso(since).replace("-", "").replace(":", "")[:13]
    return f"optischema-report-{name}-{stamp}.{form}"
