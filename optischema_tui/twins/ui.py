"""The screen: the one twin with a terminal."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace

from optischema_tui.core.errors import UsageError
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, typed_password


def run(context: Context, arguments: Namespace) -> int:
    spec = context.spec(arguments.target)
    return open_ui(context, arguments, typed_password(spec) if arguments.password else spec)


def open_ui(context: Context, arguments: Namespace, spec: TargetSpec) -> int:
    """Open the UI on a target and give the exit code when the person leaves it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "The screens need a terminal",
            "Standard input or error is not one",
            "Headless commands: optischema-tui --help",
        )
    if arguments.interval is not None:
        if arguments.interval < 1:
            raise UsageError("--interval must be 1 second or more")
        spec = replace(spec, interval=arguments.interval)
    from optischema_tui.launch import launch

    config = context.config
    return launch(
        spec,
        context.paths,
        theme=arguments.theme or config.theme,
        ascii_only=arguments.ascii or config.ascii,
        mouse=False if arguments.no_mouse or not config.mouse else None,
        lab_bindir=config.lab_bindir,
        problems=config.problems,
        clock=context.clock,
    )
