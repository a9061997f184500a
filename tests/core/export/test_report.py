"""A report: whole in itself, inert whatever the server said, and its figures are those of history."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from optischema_tui.core.export.as_html import STYLE, html_text
from optischema_tui.core.export.as_markdown import report_markdown
from optischema_tui.core.export.charts import HeatChart, Line, LineChart, described
from optischema_tui.core.export.sections import SpanFacts, build_report, observed_share
from optischema_tui.core.export.svg import COLOURS, svg_text
from optischema_tui.core.models import (
    Change,
    ChangeState,
    Reading,
    StatementKey,
    StatementText,
    TargetIdentity,
    WaitPoint,
    WindowStats,
)
from optischema_tui.core.models.analytics import HeatCell, Heatmap, Trend, TrendPoint
from optischema_tui.core.workload.filter import MARKER

HOSTILE = "</desc></svg><script>alert('x')</script><img src=//evil onerror=x> \x1b[31m\u202e password=hunter2 & \"'`|"
BEGIN = 1_700_000_000.0
HOUR = 3600.0
SVG = "{http://www.w3.org/2000/svg}"


def facts(text: str = "SELECT $1") -> SpanFacts:
    identity = TargetIdentity("7301", 5, text, 180001, text)
    until = BEGIN + 10 * HOUR
    points = tuple(
        TrendPoint(BEGIN + (n + 1) * HOUR, HOUR, 0.0 if n in (3, 4, 7) else HOUR, 10.0, 500.0 * n, 3, 1.0, 9.0)
        for n in range(10)
    )
    waits = tuple(
        WaitPoint(BEGIN + (n + 1) * HOUR, HOUR, 60, (("CPU", 2.0), (text, 1.0), *((f"c{i}", 0.1) for i in range(9))))
        for n in range(10)
    )
    keys = [StatementKey(10, 5, number, number != 3) for number in range(1, 6)]
    stats = tuple(
        WindowStats(key, f"SELECT 1 {MARKER}" if number == 4 else text, 10, 60.0 / number, 7, 8, 9, 0.5)
        for number, key in enumerate(keys, 1)
    )
    change = Change(
        "0192", "", identity, "", "create_index", text, f"CREATE INDEX {text}", "DROP INDEX x", "", ChangeState.KEPT,
        "public", "t", text, approved_by=text, approved_at=BEGIN + 1, updated_at=BEGIN + 2,
        detail={"applied_at": BEGIN + 2 * HOUR, "verdict": text},
    )  # fmt: skip
    columns = ("relid", "schema", "name", "seq_scan", "seq_tup_read", "idx_scan")
    first = Reading("tables", BEGIN, 0.0, BEGIN, columns, ((1, text, text, 10, 100, 0),), "e")
    last = Reading("tables", until, 0.0, until, columns, ((1, text, text, 36_010, 100, 0),), "e")
    cells = tuple(HeatCell("2023-11-15", hour, HOUR, 0.0 if hour == 5 else HOUR, 1, hour * 10.0) for hour in range(24))
    return SpanFacts(
        identity, BEGIN, until, until + 1, "optischema-tui 1", Trend(BEGIN, until, points, waits, notes=(text,)), stats,
        {key: StatementText(key, text, role=text) for key in keys}, (BEGIN + 5 * HOUR,),
        Heatmap("time", BEGIN, until, cells), (change,), {"tables": (last, first)},
    )  # fmt: skip


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("text", ["SELECT $1", HOSTILE])
def test_html_is_whole_in_itself(text: str) -> None:
    told = html_text(build_report(facts(text)))
    page = Tags(told)
    assert not page.open, "every element is closed in its order"
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "dl", "dt", "dd", "section", "p",
        "div", "table", "thead", "tbody", "tr", "th", "td", "code", "figure", "figcaption", "svg", "desc", "text", "g",
        "line", "rect", "polyline", "polygon", "circle", "path",
    }  # fmt: skip
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "src", "style", "action")}
        assert tag != "meta" or attributes.get("http-equiv") != "refresh"
    addresses = re.findall(r"https?:[^\"<\s]*", re.sub(r"<(desc|title|p|td|dd|h\d|code)[^>]*>[^<]*", "", told))
    assert set(addresses) == {"http://www.w3.org/2000/svg"}, "the name of SVG, which nothing fetches"
    assert "@import" not in told
    assert "url(" not in told
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_the_policy_allows_the_style_alone() -> None:
    told = html_text(build_report(facts()))
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', told)
    [style] = re.findall(r"<style>(.*?)</style>", told, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{hashed}'"]
    assert "prefers-color-scheme:dark" in STYLE
    assert "@media print" in STYLE
    assert told.index("Content-Security-Policy") < told.index("<style>")


def test_hostile_text_is_inert_and_holds_no_secret() -> None:
    report = build_report(facts(HOSTILE))
    for told in (html_text(report), report_markdown(report)):
        assert "hunter2" not in told
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", told)
    assert "<script" not in html_text(report)
    assert "&lt;script&gt;" in html_text(report)
    outside_code = re.sub(r"(`+).*?\1", "", report_markdown(report))
    assert not re.search(r"(?<!\\)<(?!!)", outside_code)


def test_figures_are_those_of_the_facts() -> None:
    told = facts()
    assert observed_share(told) == pytest.approx(0.7)
    page = report_markdown(build_report(told))
    assert "70.0% of the span was observed" in page
    lines = [line.split(" | ") for line in page.splitlines() if line.startswith("|")]
    gaps = [line for line in lines if line[0].startswith("| 2023-11-15T01:13:20Z")]
    assert [line[2] for line in gaps] == ["7,200 |"], "neighbouring gaps are one"
    statements = [line for line in lines if line[-1] == "`SELECT $1` |"]
    whole = 60 * (1 + 1 / 2 + 1 / 5)
    assert [line[2] for line in statements] == [f"{60 / n / whole:.1%}" for n in (1, 2, 5)], (
        "neither a nested nor an own one"
    )
    assert [line[5] for line in statements] == ["6", "3", "1.2"]
    assert "counters began anew" in page
    [table] = [line for line in lines if line[:2] == ["| SELECT \\$1", "SELECT \\$1"]]
    assert table[2] == "1", "36000 scans in 36000 seconds"
    assert "No reading of sizes is held" in page
    [wait] = [line for line in lines if line[0] == "| CPU"]
    assert (wait[1], wait[2]) == ("2", f"{2 / 3.9:.1%} |")


def test_the_same_facts_give_the_same_text() -> None:
    assert html_text(build_report(facts())) == html_text(build_report(facts()))


def charts() -> Iterator[LineChart | HeatChart]:
    gappy = Line("a", ((0.0, 1.0), (10.0, None), (20.0, 2.0), (30.0, 3.0)))
    full = Line("b", ((0.0, 1.0), (10.0, 1.0), (20.0, 1.0), (30.0, 1.0)))
    yield LineChart("T", "ms", 0.0, 30.0, (gappy,))
    yield LineChart("T", "ms", 0.0, 30.0, (full, gappy), stacked=True, marks=((15.0, HOSTILE),))
    yield LineChart(HOSTILE, HOSTILE, 0.0, 30.0, (Line(HOSTILE, ()), full))
    yield LineChart("T", "ms", 0.0, 0.0, ())
    yield LineChart("T", "ms", 0.0, 30.0, (Line("zero", ((0.0, 0.0), (30.0, 0.0))),))
    yield HeatChart("T", "s", ("Mon", HOSTILE), ("00", "01"), ((1.0, None), (0.0, 4.0)))
    yield HeatChart("T", "s", (), (), ())
    yield HeatChart("T", "s", ("a",), ("b",), ((None,),))


@pytest.mark.parametrize("chart", list(charts()))
def test_a_picture_is_well_formed_and_told_in_words(chart: LineChart | HeatChart) -> None:
    root = ET.fromstring(svg_text(chart, "c1"))
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert desc.text
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], desc.attrib["id"]]
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in (
            "svg", "title", "desc", "text", "line", "rect", "polyline", "polygon", "circle", "path",
        )  # fmt: skip
        for name, value in element.attrib.items():
            assert name not in ("style", "href")
            assert "nan" not in value
            limit = {"x": width, "x1": width, "x2": width, "cx": width, "y": height, "y1": height, "cy": height}.get(
                name
            )
            assert limit is None or -0.01 <= float(value) <= limit + 0.01


def test_no_line_over_a_gap_and_areas_add_up() -> None:
    line, stacked = list(charts())[:2]
    root = ET.fromstring(svg_text(line, "c"))
    [run] = [element.attrib["points"].split() for element in root.iter(f"{SVG}polyline")]
    assert len(run) == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 1, "a lone point is a dot"
    root = ET.fromstring(svg_text(stacked, "c"))
    tops = [element.attrib["points"].split() for element in root.iter(f"{SVG}polygon")]
    assert [len(points) for points in tops] == [8, 4], "there and back"
    heights = [float(point.split(",")[1]) for point in tops[1]]
    zero, one = 210.0, float(tops[0][0].split(",")[1])
    unit = zero - one
    assert [round((zero - y) / unit, 2) for y in heights] == [3.0, 4.0, 1.0, 1.0]


def test_words_name_the_extremes() -> None:
    heat = HeatChart("T", "s", ("Mon", "Tue"), ("00", "01"), ((1.0, None), (3.0, 2.0)))
    assert described(heat) == "From 1 to 3 s; the most on Tue at 00, the least on Mon at 00."
    assert described(LineChart("T", "ms", 0, 1, (Line("a", ((0, 1.0), (1, 3.0))),))) == "a: 1 to 3, on average 2 ms."
    assert "Nothing is known" in described(LineChart("T", "ms", 0, 1, ()))


def test_colours_can_be_seen_on_light_and_dark() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for ground in ("#ffffff", "#16181c"):
        for colour in COLOURS:
            light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 2.1, f"{colour} on {ground}"
