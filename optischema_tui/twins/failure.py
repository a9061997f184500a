"""How a failure ends a command: one sentence on standard error, with --json also an object on standard output."""

from __future__ import annotations

import json
import sys

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.safe_text import clean, redact


def tell(error: OptischemaError, *, as_json: bool) -> int:
    """Print the failure and give its exit code."""
    what, why, todo = (clean(redact(part)) for part in (error.what, error.why, error.todo))
    if as_json:
        print(json.dumps({"error": {"what": what, "why": why, "todo": todo, "exit_code": error.exit_code}}))
    print("optischema-tui: " + clean(redact(error.sentence)), file=sys.stderr)
    return error.exit_code
