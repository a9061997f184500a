"""Start the screens on a target. Textual is imported inside, after the terminal was looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.config import HISTORY_MB
from optischema_tui.core.errors import OptischemaError, UsageError
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.terminal import prepare, probe, steady

if TYPE_CHECKING:
    from optischema_tui.core.models import KnownTarget

SWITCH = 75
"""What `launch` gives when the person wants to choose another target."""


def launch(
    spec: TargetSpec,
    paths: Paths,
    *,
    theme: str = "",
    ascii_only: bool = False,
    mouse: bool | None = None,
    lab_bindir: str = "",
    history_mb: int = HISTORY_MB,
    watch_command: Sequence[str] = (),
    problems: Sequence[OptischemaError] = (),
    clock: Clock = SYSTEM,
) -> int:
    """Run the program until the person quits; gives the exit code.

    `problems` (of the config file) are told on the screen, which covers what stood in the terminal before it.
    `mouse` None: on, except over SSH, where each motion would be a packet. Raises UsageError for an unknown theme.
    """
    terminal = probe(ascii_only=ascii_only)
    prepare(terminal)
    from optischema_tui.app import OptischemaApp
    from optischema_tui.bridge import Bridge
    from optischema_tui.theming import theme_names

    if theme and theme not in (known := theme_names()):
        raise UsageError(f"There is no theme {one_line(theme, 40)}", todo=f"Choose one of: {', '.join(known)}")
    app = OptischemaApp(
        spec,
        lambda app: Bridge(
            app, spec, paths, clock=clock, lab_bindir=lab_bindir, history_mb=history_mb, watch_command=watch_command
        ),
        terminal=terminal,
        theme_name=theme,
        problems=problems,
        clock=clock,
    )
    app.driver_class = steady(app.driver_class)
    app.run(mouse=not terminal.remote if mouse is None else mouse)
    return app.return_value if app.return_value is not None else app.return_code or 0


def choose_target(
    targets: Sequence[KnownTarget],
    wrong: Callable[[str], str],
    *,
    theme: str = "",
    ascii_only: bool = False,
    mouse: bool | None = None,
    problems: Sequence[OptischemaError] = (),
    clock: Clock = SYSTEM,
) -> str | None:
    """The words of the target that the person chooses; None when they leave. `wrong`: see `ConnectApp`."""
    terminal = probe(ascii_only=ascii_only)
    prepare(terminal)
    from optischema_tui.connect import ConnectApp
    from optischema_tui.theming import theme_names

    known = theme if theme in theme_names() else ""
    app = ConnectApp(targets, terminal, wrong=wrong, theme_name=known, problems=problems, clock=clock)
    app.driver_class = steady(app.driver_class)
    words = app.run(mouse=not terminal.remote if mouse is None else mouse)
    if app.return_code:  # a signal or a mistake of ours ended it
        raise SystemExit(app.return_code)
    return words
