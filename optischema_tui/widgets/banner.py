"""What went wrong, why, and what to do: above the picture, or in its place when there is none to show."""

from __future__ import annotations

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.safe_text import redact
from optischema_tui.widgets.lines import Line, LineView, wrap


class Banner(LineView):
    """Takes as many lines as its sentences need, none without a failure."""

    DEFAULT_CSS = """
    Banner { height: auto; max-height: 12; padding: 0 1; background: $surface; display: none; }
    Banner.-shown { display: block; }
    """

    def show_lines(self, lines: tuple[Line, ...]) -> None:
        """Show these, wrapped; nothing for an empty tuple."""
        self.set_class(bool(lines), "-shown")
        self.show(lambda width: [part for line in lines for part in wrap(line, width, 2)])


def error_lines(error: OptischemaError, lead: str = "", role: str = "bad") -> tuple[Line, ...]:
    """The parts of a failure: what in `role`, why plain, every line of the remedy on a line of its own."""
    lines: list[Line] = [((lead, "dim"), (redact(error.what), role))]
    if error.why:
        lines += [((redact(line), ""),) for line in error.why.splitlines() if line.strip()]
    if error.todo:
        lines += [((redact(line), "accent"),) for line in error.todo.splitlines() if line.strip()]
    return tuple(lines)
