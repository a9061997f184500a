"""The screen: the one twin with a terminal."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from optischema_tui.core.errors import OptischemaError, UsageError
from optischema_tui.core.models import KnownTarget
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.launch import SWITCH
from optischema_tui.twins.context import Context, typed_password

_NAMING = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")
"""Variables that name a target as an argument would."""


def run(context: Context, arguments: Namespace) -> int:
    if arguments.target is None and not any(os.environ.get(name) for name in _NAMING):
        known = _known(context)
        if known:
            return _from_list(context, arguments, known)
    spec = context.spec(arguments.target)
    code = open_ui(context, arguments, typed_password(spec) if arguments.password else spec)
    return _from_list(context, arguments, _known(context)) if code == SWITCH else code


def open_ui(context: Context, arguments: Namespace, spec: TargetSpec) -> int:
    """Open the UI on a target and give the exit code when the person leaves it; SWITCH: for another target."""
    _need_terminal()
    if arguments.interval is not None:
        if arguments.interval < 1:
            raise UsageError("--interval must be 1 second or more")
        spec = replace(spec, interval=arguments.interval)
    from optischema_tui.launch import launch

    config = context.config
    return launch(
        spec,
        context.paths,
        theme=arguments.theme or spec.theme or config.theme,
        ascii_only=arguments.ascii or config.ascii,
        mouse=_mouse(context, arguments),
        lab_bindir=config.lab_bindir,
        history_mb=config.history_mb,
        watch_command=config.watch_command,
        problems=config.problems,
        clock=context.clock,
    )


def _from_list(context: Context, arguments: Namespace, known: Sequence[KnownTarget]) -> int:
    """Have a target chosen and open it, until the person leaves for good."""
    _need_terminal()
    from optischema_tui.launch import choose_target

    while True:
        words = choose_target(
            known,
            lambda words: _wrong(context, words),
            theme=arguments.theme or context.config.theme,
            ascii_only=arguments.ascii or context.config.ascii,
            mouse=_mouse(context, arguments),
            problems=context.config.problems,
            clock=context.clock,
        )
        if words is None:
            return 0
        spec = context.spec(words)
        code = open_ui(context, arguments, typed_password(spec) if arguments.password else spec)
        if code != SWITCH:
            return code
        known = _known(context)


def _known(context: Context) -> tuple[KnownTarget, ...]:
    if not (context.config.profiles or context.config.broken or context.paths.history_db.exists() or _services()):
        return ()
    from optischema_tui.core.jobs.targets import listing

    return listing(context.paths, context.config)


def _services() -> bool:
    from optischema_tui.core.target.service_file import service_names

    try:
        return bool(service_names(os.environ))
    except UsageError:
        return True


def _wrong(context: Context, words: str) -> str:
    from optischema_tui.core.target.resolver import describe

    try:
        describe(words, context.config)
    except OptischemaError as error:
        return error.sentence
    return ""


def _mouse(context: Context, arguments: Namespace) -> bool | None:
    return False if arguments.no_mouse or not context.config.mouse else None


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "The screens need a terminal",
            "Standard input or error is not one",
            "Headless commands: optischema-tui --help",
        )
