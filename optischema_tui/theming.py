"""Themes are files: themes/*.toml, one theme a file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from textual.theme import Theme

from optischema_tui.core.errors import ConfigError
from optischema_tui.terminal import Terminal

DEFAULT = "dark"
FEW_COLOURS = "ansi-16"
_FIELDS = frozenset(
    {"primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface", "panel",
     "boost", "dark", "ansi", "variables", "luminosity_spread", "text_alpha"}
)  # fmt: skip


def themes_dir() -> Path:
    """Inside the package when installed, beside it in a checkout."""
    installed = Path(__file__).parent / "themes"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "themes"


def load_theme(path: Path) -> Theme:
    """The theme of one file, named after it. Raises ConfigError naming file and key."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"The theme {path.name} cannot be read", str(error)) from error
    unknown = sorted(set(values) - _FIELDS)
    if unknown or "primary" not in values:
        what = f"does not know {', '.join(unknown)}" if unknown else "misses the key 'primary'"
        raise ConfigError(f"The theme {path.name} {what}", f"The keys of a theme are {', '.join(sorted(_FIELDS))}")
    return Theme(name=path.stem, **values)


def theme_names() -> tuple[str, ...]:
    """The themes that there are, by file name."""
    return tuple(sorted(path.stem for path in themes_dir().glob("*.toml")))


def load_themes(directory: Path | None = None) -> tuple[dict[str, Theme], tuple[ConfigError, ...]]:
    """All themes by name, and what is wrong with the files that could not be used."""
    themes: dict[str, Theme] = {}
    problems: list[ConfigError] = []
    for path in sorted((directory or themes_dir()).glob("*.toml")):
        try:
            themes[path.stem] = load_theme(path)
        except ConfigError as error:
            problems.append(error)
    return themes, tuple(problems)


def choose(wanted: str, terminal: Terminal, names: frozenset[str]) -> str:
    """The theme to use: the one asked for, else the terminal's own colours where it has few, else the default."""
    if wanted in names:
        return wanted
    return FEW_COLOURS if terminal.few_colours and FEW_COLOURS in names else DEFAULT
