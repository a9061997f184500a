"""`demo`: a private PostgreSQL with a shop, its traffic and its problems."""

from __future__ import annotations

import json
import signal
import threading
from argparse import Namespace
from dataclasses import replace

from optischema_tui.demo.demo import Demo
from optischema_tui.launch import SWITCH
from optischema_tui.twins.context import Context, put
from optischema_tui.twins.ui import open_ui


def run(context: Context, arguments: Namespace) -> int:
    """Start the demo, then the UI on it, or wait for a signal; the server is gone when this returns."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    with Demo.start(context.progress, context.config.lab_bindir) as demo:
        if arguments.no_ui:
            _until_signal(json.dumps({"dsn": demo.dsn}))
            return 0
        spec = replace(context.spec(demo.dsn), label="demo", allow_changes=True)
        code = open_ui(context, arguments, spec)
        return 0 if code == SWITCH else code


def _until_signal(line: str) -> None:
    try:
        put(line)
        threading.Event().wait()
    except KeyboardInterrupt:
        return
