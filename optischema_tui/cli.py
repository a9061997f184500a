"""The command line. Every screen has a headless twin here; nothing but argparse is imported until one is chosen."""

from __future__ import annotations

import gc
import io
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from optischema_tui import __version__
from optischema_tui.core.errors import OptischemaError, UsageError
from optischema_tui.core.family_names import OBJECTS, SERVER

TARGETS = """\
TARGET is a profile name, service=NAME, a postgresql:// URL or a conninfo string; nothing means the PG* environment.
A password on the command line or in a URL is refused: use ~/.pgpass (mode 0600), a service file, PGPASSWORD,
password_command in the profile, or type it when asked.
"""

EXIT_CODES = """\
exit codes:
  0    it ran, and all is well
  1    it ran, and what it looked for is not well (broken audit chain, plans that differ, a preflight that blocks)
  2    the words of the call, the config file or a profile are wrong; of `audit verify`: a file cannot be read
  3    the server cannot be reached, refused the login, or was lost
  4    a privilege, an extension or a setting is missing on the server
  5    a change was refused or did not succeed
  6    the lab cannot be built or cannot plan
  7    history, audit or the output cannot be written, or not be read
  130  interrupted
"""

COMMANDS = {
    "demo": "a private PostgreSQL with a realistic shop, its traffic and its problems",
    "doctor": "what this role may see and do on a server, and the exact GRANT or setting for the rest",
    "collect": "observe a server into the local history, without a screen",
    "top": "the most expensive statements",
    "activity": "the sessions that are not idle, what they wait for, and who blocks whom",
    "objects": "tables, indexes and their sizes: what was done with them",
    "server": "databases, I/O, WAL, checkpoints, replication, progress, locks, settings",
    "advise": "index recommendations, each proved in the lab",
    "lab": "build the lab and compare its plans with the target's own",
    "changes": "recommendations and changes, and where each one stands",
    "opinion": "what HypoPG on the target says to a recommendation",
    "propose": "propose a change as a statement that you write; nothing runs yet",
    "approve": "approve a recommendation or a proposed change; nothing runs yet",
    "apply": "run approved changes, one after the other: preflight, build, verify",
    "rollback": "undo an applied change",
    "cancel": "end a change that is being carried out, and remove what is left of it",
    "keep": "keep an applied change by your own decision, with a reason",
    "withdraw": "withdraw a change of which nothing is on the server, with a reason",
    "dismiss": "put a recommendation aside, with a reason",
    "audit": "the hash-chained journal: list, verify, export, anchor, prune",
    "findings": "what is worth knowing about indexes, settings, maintenance and workload, by what it costs",
    "heatmap": "load by hour of the day and day, from history",
    "trends": "load and latency over time with percent bands, and waits, from history",
    "movers": "what changed between two windows of history, statement by statement",
    "spike": "a past moment opened: its statements, waits and locks beside what is usual",
    "report": "a span of history as one HTML or Markdown file, for people without the program",
    "export": "what a command shows, as CSV, JSON or Markdown",
    "baseline": "named baselines: create, list, show, compare, delete",
    "plan": "the plan of one statement on the target, without running it",
    "what-if": "the same in the lab, with other indexes, settings or statistics",
    "profiles": "the targets that are known here: list, add, remove, check",
    "policy": "what may be changed on a target now, what not, and which file says so",
    "countersign": "approve as a second person what another user has approved",
}
_MODULES = {
    "approve": "changes", "keep": "changes", "withdraw": "changes", "dismiss": "changes",
    "rollback": "apply", "cancel": "apply",
    "objects": "families", "server": "families", "what-if": "what_if", "countersign": "policy",
    "spike": "movers",
}  # fmt: skip
"""Commands whose module in twins/ has another name."""
_MOMENT = 'what history holds of a moment, e.g. "yesterday 14:00", "-2h"; the server is not asked'
_OF_A_TARGET = (
    "doctor",
    "top",
    "advise",
    "lab",
    "plan",
    "what-if",
    "activity",
    "objects",
    "server",
    "policy",
    "findings",
)
LOOKING_BACK = ("heatmap", "trends", "movers", "spike")
"""Commands that look at history alone."""


_VALUED = ("--config", "--state-dir", "--interval", "--theme")
"""Options with a value that may stand before the command."""
_LONGEST = 1e9
"""Seconds or minutes that a call may name; sums with the clock stay valid dates."""


class _Parser(ArgumentParser):
    """Ends as every other failure does: with an UsageError, which --json tells as JSON."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message[:1].upper() + message[1:], todo=f"Run: {self.prog} --help")


def run(argv: list[str] | None = None) -> int:
    """Run one call and give its exit code. Failures are told as sentences, never as tracebacks."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    try:
        return _guarded(words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0  # whoever read the lines has enough of them


def _open_streams() -> None:
    """Let no stream be missing (closed by the caller), and no character be one that its encoding cannot show."""
    sys.stdin = sys.stdin or os.fdopen(os.open(os.devnull, os.O_RDONLY))
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _guarded(words: list[str]) -> int:
    as_json = "--json" in words
    try:
        module, arguments = _chosen(words)
        from optischema_tui.twins.context import Context

        twin = import_module(f"optischema_tui.twins.{module}")
        code: int = twin.run(Context.of(arguments), arguments)
        return code
    except OptischemaError as error:
        from optischema_tui.twins.failure import tell

        return tell(error, as_json=as_json)


def _chosen(words: list[str]) -> tuple[str, Namespace]:
    """The twin's module and what the call says to it. Raises UsageError."""
    place = _place_of_command(words)
    if place is None:
        arguments = _ui_parser().parse_args(words)
        # What is made until the first frame stays for good; the application turns collection on again behind it.
        gc.disable()
        return "ui", arguments
    command = words[place]
    arguments = _parser(command).parse_args(_moments_joined(words[:place] + words[place + 1 :]))
    arguments.command = command
    return _MODULES.get(command, command), arguments


def _moments_joined(words: list[str]) -> list[str]:
    """`--at -2h` and its like as one word: argparse would take the moment for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--at", "--since", "--until", "--before"):
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


def _place_of_command(words: list[str]) -> int | None:
    """Where the command stands: the first word that is neither an option nor the value of the option before it."""
    for place, word in enumerate(words):
        if word == "--":
            return None
        if not word.startswith("-") and (place == 0 or words[place - 1] not in _VALUED):
            return place if word in COMMANDS else None
    return None


def _span(text: str) -> float:
    """A length of time of the call, in its option's unit."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= _LONGEST:
        raise ArgumentTypeError(f"{text!r} is not a number from 0 to {_LONGEST:.0f}")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:12]) < 10**9:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999999")
    return int(text)


def _common(parser: ArgumentParser, *, json: bool = True) -> ArgumentParser:
    parser.add_argument("--config", metavar="FILE", help="config file (default: ~/.config/optischema-tui/config.toml)")
    parser.add_argument("--state-dir", metavar="DIR", help="history and audit (default: ~/.local/state/optischema-tui)")
    parser.add_argument(
        "--allow-changes", action="store_true", help="allow approved changes to run on this target (default: read only)"
    )
    if json:
        parser.add_argument("--json", action="store_true", help="machine-readable output, documented in docs/json.md")
    return parser


def _ui_parser() -> ArgumentParser:
    listing = "\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())
    parser = _Parser(
        prog="optischema-tui",
        formatter_class=RawDescriptionHelpFormatter,
        usage="optischema-tui [TARGET] [options]\n       optischema-tui COMMAND [--help] ...",
        description="See what a PostgreSQL server spends its time on, get advice proved in a local planner,\n"
        "apply it safely, see whether it helped, undo it.\n\n" + TARGETS,
        epilog=f"commands (each takes --json):\n{listing}\n\n{EXIT_CODES}",
    )
    parser.add_argument("target", nargs="?", metavar="TARGET", help="the server to open")
    parser.add_argument("--interval", type=_span, metavar="S", help="seconds between two polls (default 30)")
    parser.add_argument("-W", "--password", action="store_true", help="ask for the password before connecting")
    parser.add_argument("--theme", metavar="NAME", help="a theme of themes/, e.g. dark, light, high-contrast, ansi-16")
    parser.add_argument("--ascii", action="store_true", help="no braille and no box characters")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--version", action="version", version=f"optischema-tui {__version__}")
    return _common(parser, json=False)


def _parser(command: str) -> ArgumentParser:
    parser = _Parser(
        prog=f"optischema-tui {command}",
        description=f"{COMMANDS[command]}.",
        epilog=("" if command in ("demo", "changes", "audit", "profiles", "countersign") else TARGETS + "\n")
        + EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    _common(parser)
    _observing(command, parser.add_argument)
    _changing(command, parser.add_argument)
    return parser


def _observing(command: str, add: Callable[..., object]) -> None:
    """What the commands that look at a server understand."""
    if command in _OF_A_TARGET:
        add("target", nargs="?", metavar="TARGET", help="see below")
    if command == "demo":
        add("--no-ui", action="store_true", help='print {"dsn": ...} as one line and run until a signal')
        add("--interval", type=_span, metavar="S", help="seconds between two polls (default 5)")
        add("--theme", metavar="NAME", help="a theme of themes/")
        add("--ascii", action="store_true", help="no braille and no box characters")
        add("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    elif command == "collect":
        add("targets", nargs="*", metavar="TARGET", help="one or several, see below")
        add("--all-profiles", action="store_true", help="every profile of the config file")
        add("--interval", type=_span, metavar="S", help="seconds between two polls (default: the profile's, else 30)")
        add("--duration", type=_span, metavar="S", help="stop after S seconds (default: until a signal)")
    elif command == "top":
        add("--seconds", type=_span, default=0.0, metavar="S", help="watch for S seconds; 0 = since the last reset")
        add("--limit", type=_count, default=20, metavar="N", help="statements to show (default 20)")
        add("--at", metavar="MOMENT", help=_MOMENT)
    elif command == "doctor":
        add("--sql", action="store_true", help="print the script that makes a role for one tier of use")
        add("--tier", choices=("monitor", "lab", "apply"), default="monitor", help="of --sql (default monitor)")
    elif command in ("activity", "objects", "server"):
        what = "sample each second for S seconds" if command == "activity" else "read twice, S seconds apart: rates"
        add("--seconds", type=_span, default=0.0, metavar="S", help=f"{what} (default: once)")
        add("--at", metavar="MOMENT", help=_MOMENT)
        if command != "activity":
            names = (*OBJECTS, *SERVER)
            add("--family", action="append", choices=names, metavar="NAME", help="only this one; may be repeated")
            add("--limit", type=_count, default=50, metavar="N", help="rows of a family to show (default 50)")
    elif command == "findings":
        kinds = ("indexes", "settings", "maintenance", "workload")
        add("--kind", action="append", choices=kinds, help="only this one; may be repeated")
        add("--all", action="store_true", help="with those that were put aside")
        add("--dismiss", metavar="ID", help="put this finding aside, with a --reason")
        add("--reason", metavar="TEXT", help="why it is put aside")
    elif command in LOOKING_BACK:
        _looking_back(command, add)
    elif command in ("export", "report"):
        _leaving(command, add)
    elif command == "profiles":
        add("action", nargs="?", choices=("list", "add", "remove", "check"), default="list")
        add("words", nargs="*", metavar="WORD", help="add: NAME CONNINFO; remove: NAME")
    elif command == "advise":
        add(
            "--workload",
            metavar="FILE",
            help="statements separated by ';', each optionally after a comment "
            "'-- calls: N mean_ms: X', instead of pg_stat_statements; '-' reads standard input",
        )
        add("--budget", metavar="SIZE", help="bytes that new indexes may take in all, e.g. 500MB")
        add("--seconds", type=_span, metavar="S", help="end the search after S seconds with the best set so far")
        add("--no-sample", action="store_true", help="never read a row, statistics only (sample_rows = false)")


def _looking_back(command: str, add: Callable[..., object]) -> None:
    """What the commands understand that look at history alone."""
    add("target", nargs="?", metavar="TARGET", help="see below")
    add("--csv", action="store_true", help="the rows as CSV")
    add("--md", action="store_true", help="the rows as a Markdown table")
    if command == "spike":
        add("--at", required=True, metavar="MOMENT", help='the moment, e.g. "yesterday 14:00", "-2h"')
        add("--limit", type=_count, default=20, metavar="N", help="statements and waits to show (default 20)")
        return
    begin = {"heatmap": "--days", "trends": "a day before --until"}
    if command == "movers":
        add("--since", required=True, metavar="MOMENT", help='begin of the later window, e.g. "yesterday 14:00"')
        add("--before", metavar="MOMENT", help="begin of the earlier window, which is as long (default: the same hours"
            " of an earlier day)")  # fmt: skip
        add("--limit", type=_count, default=40, metavar="N", help="statements to show (default 40)")
    else:
        add("--since", metavar="MOMENT", help=f"begin of the window (default: {begin[command]})")
        add("--statement", metavar="QUERYID", help="of one statement (default: all together)")
    add("--until", metavar="MOMENT", help="end of the window (default now)")
    if command == "heatmap":
        add("--days", type=_count, default=14, metavar="N", help="days up to --until, 60 at most (default 14)")
        add("--measure", choices=("time", "calls", "latency", "blocks"), default="time", help="default time")
    elif command == "trends":
        add("--points", type=_count, default=24, metavar="N", help="stretches at most (default 24)")


def _leaving(command: str, add: Callable[..., object]) -> None:
    """What the commands understand that write a file for others."""
    add("target", nargs="?", metavar="TARGET", help="see below")
    if command == "report":
        add("--since", required=True, metavar="MOMENT", help='begin of the span, e.g. "yesterday 14:00", "-7d"')
        add("--until", metavar="MOMENT", help="end of the span (default now)")
        add("--html", action="store_true", help="one HTML file without script or reference (the default)")
        add("--md", action="store_true", help="Markdown, charts told in words")
        add("--limit", type=_count, default=20, metavar="N", help="statements to show (default 20)")
    else:
        views = ("top", "activity", "objects", "server", "changes", "baselines", "audit")
        add("--view", required=True, choices=views, help="the command whose answer is exported")
        add("--format", choices=("csv", "json", "md"), default="csv", help="default csv")
        add("--at", metavar="MOMENT", help=_MOMENT)
        add("--seconds", type=_span, default=0.0, metavar="S", help="top, objects, server: look twice, S seconds apart")
        add("--family", action="append", choices=(*OBJECTS, *SERVER), metavar="NAME",
            help="objects, server: only this one; may be repeated")  # fmt: skip
        add("--limit", type=_count, metavar="N", help="rows of a table (default: all)")
    where = "in the present directory" if command == "report" else "standard output"
    add("-o", dest="output", metavar="FILE", help=f"the file to write (0600); '-': standard output (default {where})")
    add("--force", action="store_true", help="replace the file if there is one")


def _changing(command: str, add: Callable[..., object]) -> None:
    """The same of those that plan, change, and tell what was changed."""
    if command == "lab":
        add("--check", action="store_true", help="compare cost and shape of the top statements on target and lab")
        add("--limit", type=_count, default=50, metavar="N", help="statements to compare (default 50)")
        add("--forget", action="store_true", help="build nothing: remove the labs kept between starts, of all targets")
    elif command in ("plan", "what-if"):
        add("--sql", required=True, metavar="SQL", help="one statement, literals or $n; '-' reads standard input")
        if command == "what-if":
            add("--index", action="append", metavar="SQL", help="the statement that makes an index; may be repeated")
            add("--drop", action="append", metavar="NAME", help="without this existing index")
            add("--set", action="append", metavar="NAME=VALUE", help="a planner setting, e.g. work_mem=64MB")
            add("--statistics", action="append", metavar="TABLE.COLUMN=N", help="another statistics target")
    elif command == "opinion":
        add("target", metavar="TARGET", help="see below")
        add("id", metavar="ID", help="id of a recommendation, or the start of one")
    elif command == "changes":
        add("--all", action="store_true", help="also what was dismissed, and the changes that undo others")
    elif command in ("approve", "dismiss", "keep", "withdraw"):
        of_change = "a change or of its recommendation"
        what = {"keep": of_change, "withdraw": of_change, "approve": "a recommendation or a change"}.get(
            command, "a recommendation"
        )
        add("id", metavar="ID", help=f"id of {what}, or the start of one")
        if command != "approve":
            add("--reason", required=True, help="why; kept in the audit journal")
        else:
            add("--auto-undo", action="store_true", help="roll it back when a statement becomes significantly worse")
    elif command == "propose":
        add("target", metavar="TARGET", help="see below")
        add("sql", metavar="SQL", help="one statement; '-' reads standard input")
    elif command in ("apply", "rollback", "cancel"):
        of_what = "id of a change or of its recommendation, or the start of one"
        if command == "apply":
            add("ids", nargs="+", metavar="ID", help=f"{of_what}; several run in this order, to the first surprise")
            add("--type", action="append", default=[], dest="typed", metavar="SUBJECT",
                help="what a change without an undo is about, to say that it is meant; may be repeated")  # fmt: skip
        else:
            add("id", metavar="ID", help=of_what)
        if command != "cancel":
            add("--yes", action="store_true", help="run it; without this only the preflight is shown")
        add("--target", metavar="TARGET", help="another way to the same server (default: the one it was proposed on)")
    elif command == "countersign":
        add("file", metavar="FILE", help="the request, in the countersign_dir of the policy")
        add("--yes", action="store_true", help="sign without the typed word, for scripts")
    elif command == "audit":
        add("action", choices=("list", "verify", "export", "anchor", "prune"))
        add("--limit", type=_count, metavar="N", help="list: the newest N entries")
        add("--since", type=int, default=0, metavar="SEQ", help="list, export: entries after this number")
        add("--user", default="", metavar="NAME", help="list: what this user of the machine or the server did")
        add("--object", default="", metavar="NAME", help="list: what is about this table, index, setting or target")
        add("--state", default="", metavar="STATE", help="list: events that end so: approved, kept, refused, login ...")
        add("--change", default="", metavar="ID", help="list: everything about one change, its evidence too")
        add("--format", choices=("jsonl", "csv"), default="jsonl", help="export format")
        add("--anchor", metavar="FILE", help="verify: lines SEQ:HASH, or a system's log, that the chain must contain")
        add("--server-log", metavar="FILE", help="verify: a PostgreSQL log with the comments of applied changes")
        add("--days", type=_span, default=400.0, metavar="N", help="prune: delete evidence older than N days (400)")
    elif command == "baseline":
        add("action", choices=("create", "list", "show", "compare", "delete"))
        add("names", nargs="*", metavar="NAME", help="NAME; compare: NAME [NAME], the second defaults to now")
        add("--target", metavar="TARGET", help="see below")
        add("--minutes", type=_span, default=60.0, metavar="M", help="length of the window that ends now (default 60)")
        add("--since", metavar="MOMENT", help='create, compare: begin of the window, e.g. "yesterday 14:00", "-2h"')
        add("--until", metavar="MOMENT", help="create, compare: end of the window (default now)")
        add("--plans", action="store_true", help="compare: print the plans of both sides too")
        add("--no-plans", action="store_true", help="create, compare with now: do not ask the server for plans")
