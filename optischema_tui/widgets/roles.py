"""What each role looks like under the theme in force.

Roles are looked up here rather than being component classes: Textual would style every one of them anew for every
widget at each change of a class, which is the larger part of the time to the first frame.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from rich.style import Style
from textual.app import App
from textual.color import Color


class Look(NamedTuple):
    """Names of theme variables; empty leaves what is below. `alpha` 0-1 is blended over the theme's background."""

    color: str = ""
    alpha: float = 1.0
    background: str = ""
    bold: bool = False


LOOKS = {
    "dim": Look("foreground", 0.62),
    "strong": Look(bold=True),
    "head": Look("secondary", bold=True),
    "accent": Look("accent"),
    "good": Look("success"),
    "warn": Look("warning"),
    "bad": Look("error", bold=True),
    "bar": Look("primary"),
    "key": Look("accent", bold=True),
    "rule": Look("foreground", 0.32),
    "tab": Look("background", background="primary", bold=True),
    "chip": Look("background", background="secondary", bold=True),
    "chip-warn": Look("background", background="warning", bold=True),
    "chip-bad": Look("background", background="error", bold=True),
    "past": Look("background", background="accent", bold=True),
    "line-a": Look("primary"),
    "line-b": Look("accent"),
    "wait-cpu": Look("success"),
    "wait-io": Look("primary"),
    "wait-lock": Look("error"),
    "wait-lwlock": Look("warning"),
    "wait-client": Look("secondary"),
    "wait-other": Look("foreground"),
    "cursor": Look("block-cursor-foreground", background="block-cursor-background", bold=True),
    "cursor-idle": Look(background="panel"),
}
_ANSI = {
    "dim": Style(dim=True),
    "rule": Style(dim=True),
    **dict.fromkeys(("tab", "chip", "chip-warn", "chip-bad", "past"), Style(bold=True, reverse=True)),
    "cursor": Style(reverse=True),
    "cursor-idle": Style(underline=True),
}
"""Where the terminal's own colours are used nothing can be blended, and nobody knows what stands out on what."""

_known: WeakKeyDictionary[App[Any], tuple[str, dict[str, Style]]] = WeakKeyDictionary()


def style_of(app: App[Any], role: str) -> Style:
    """What `role` adds to the style it stands on. Raises KeyError for a name that is no role."""
    theme, styles = _known.get(app, ("", {}))
    if theme != app.theme or not styles:
        styles = _styles(app)
        _known[app] = (app.theme, styles)
    return styles[role]


def _styles(app: App[Any]) -> dict[str, Style]:
    variables = app.get_css_variables()
    ansi = app.current_theme.ansi
    ground = Color.parse(variables["background"])
    styles = {}
    for role, look in LOOKS.items():
        under = Color.parse(variables[look.background]) if look.background else None
        color = _foreground(variables[look.color], under or ground) if look.color else None
        if color is not None and look.alpha < 1 and not ansi:
            color = ground.blend(color, look.alpha)
        styles[role] = Style(
            color=color.rich_color if color is not None else None,
            bgcolor=under.rich_color if under is not None else None,
            bold=look.bold or None,
        )
    return styles | _ANSI if ansi else styles


def _foreground(value: str, under: Color) -> Color:
    """The colour of a theme variable; "auto" is what can be read on `under`."""
    if value.startswith("auto"):
        return under.blend(under.get_contrast_text(), 0.87)
    return Color.parse(value)
