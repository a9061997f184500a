"""A report as one HTML file: no script, no reference to anything outside it, every text escaped.

Its Content-Security-Policy forbids all but the one style sheet in it, named by its hash: a mark that got through in
spite of the escaping could neither run nor fetch anything. It follows the reader's light or dark setting and is dark
on white on paper.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from optischema_tui.core.export.charts import Chart, described
from optischema_tui.core.export.report import Report, Section
from optischema_tui.core.export.svg import svg_text
from optischema_tui.core.export.table import Column, Kind, Table, Value, shown
from optischema_tui.core.safe_text import clean

STYLE = """
:root{color-scheme:light dark;--ink:#1a1a1a;--ground:#fff;--soft:#666;--line:#ccc;--row:#f5f5f5}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--ground:#16181c;--soft:#a0a0a0;--line:#444;--row:#1e2126}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:75rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;border-bottom:1px solid var(--line);margin-top:2.2rem}h3{font-size:1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--soft)}dd{margin:0}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem}
th,td{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--line)}tbody tr:nth-child(even){background:var(--row)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:.92em ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
td code{display:block;min-width:18rem;max-width:46rem}
figure{margin:1rem 0;break-inside:avoid}figcaption,.note{color:var(--soft);font-size:.86rem}
svg{max-width:100%;height:auto}
@media print{:root{--ink:#000;--ground:#fff;--soft:#333;--line:#999;--row:#fff;color-scheme:light}
body{margin:0;max-width:none;font-size:10pt}.wide{overflow:visible}h2,h3{break-after:avoid}tr{break-inside:avoid}
thead{display:table-header-group}td code{min-width:0}}
"""
_QUERIES = ("query", "sql", "inverse_sql", "text")


def html_text(report: Report) -> str:
    hashed = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    facts = "".join(f"<dt>{_text(what)}</dt><dd>{_text(value)}</dd>" for what, value in report.facts)
    sections = "".join(_section(section, number) for number, section in enumerate(report.sections, 1))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_text(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_text(report.title)}</h1>\n<dl>{facts}</dl>\n{sections}</main>\n</body>\n</html>\n"
    )


def _section(section: Section, number: int) -> str:
    parts = [f"<section>\n<h2>{_text(section.title)}</h2>\n"]
    for place, part in enumerate(section.parts, 1):
        if isinstance(part, str):
            parts.append(f"<p>{_text(part)}</p>\n")
        elif isinstance(part, Table):
            parts.append(_table(part))
        else:
            parts.append(_figure(part, f"c{number}-{place}"))
    return "".join(parts) + "</section>\n"


def _figure(chart: Chart, ident: str) -> str:
    return (
        f"<figure>\n<h3>{_text(chart.title)}</h3>\n{svg_text(chart, ident)}\n"
        f"<figcaption>{_text(described(chart))}</figcaption>\n</figure>\n"
    )


def _table(table: Table) -> str:
    notes = "".join(f'<p class="note">{_text(note)}</p>\n' for note in table.notes)
    title = f"<h3>{_text(table.title)}</h3>\n"
    if not table.rows:
        return f"{title}<p>{_text(table.empty)}</p>\n{notes}"
    head = "".join(f'<th scope="col"{_number(column)}>{_text(column.heading)}</th>' for column in table.columns)
    rows = "".join(
        "<tr>" + "".join(_cell(*one) for one in zip(row, table.columns, strict=True)) + "</tr>\n" for row in table.rows
    )
    body = f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>"
    return f'{title}<div class="wide"><table>\n{body}\n</table></div>\n{notes}'


def _cell(value: Value, column: Column) -> str:
    told = _text(shown(value, column.kind))
    if column.name in _QUERIES and value is not None:
        told = f"<code>{told}</code>"
    return f"<td{_number(column)}>{told}</td>"


def _number(column: Column) -> str:
    return ' class="n"' if column.kind in (Kind.NUMBER, Kind.SHARE) else ""


def _text(text: str) -> str:
    return escape(clean(text), quote=True)
