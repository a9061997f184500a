"""`opinion`: what HypoPG on the target says to a recommendation."""

from __future__ import annotations

from argparse import Namespace

from optischema_tui.core.jobs.second_opinion import ask
from optischema_tui.core.safe_text import clean
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password


def run(context: Context, arguments: Namespace) -> int:
    def work(spec: TargetSpec) -> int:
        said = clean(ask(spec, context.paths, arguments.id, clock=context.clock))
        context.out({"id": arguments.id, "second_opinion": said}, lambda: said)
        return 0

    return asking_password(context.spec(arguments.target), work)
