"""How a failure ends a command: one sentence on standard error, with --json also an object on standard output."""

from __future__ import annotations

import json
from contextlib import suppress

from optischema_tui.core.errors import OptischemaError, StorageError
from optischema_tui.core.safe_text import clean, redact
from optischema_tui.twins.context import put, say


def tell(error: OptischemaError, *, as_json: bool) -> int:
    """Print the failure and give its exit code."""
    what, why, todo = (clean(redact(part)) for part in (error.what, error.why, error.todo))
    if as_json:
        with suppress(StorageError, BrokenPipeError):  # the exit code and the sentence below still tell it
            put(json.dumps({"error": {"what": what, "why": why, "todo": todo, "exit_code": error.exit_code}}))
    say("optischema-tui: " + redact(error.sentence))
    return error.exit_code
