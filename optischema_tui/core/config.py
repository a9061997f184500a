"""The config file: TOML read by hand, so that every mistake is named and none keeps the program from starting.

    [profiles.NAME]    libpq keywords (host, port, dbname, user, service, sslmode, ...), and
                       password_command (list of strings), allow_changes, interval (seconds), label
    [ui]               theme, ascii, mouse, refresh (seconds between polls where a profile does not say)
    [lab]              bindir

There is no place for a password in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optischema_tui.core.errors import ConfigError
from optischema_tui.core.safe_text import one_line

PASSWORD_PLACES = (
    "Passwords belong in ~/.pgpass (mode 0600), in a service file, in PGPASSWORD, or behind a profile's "
    "password_command; else the program asks"
)
KEYWORDS = (
    "host", "hostaddr", "port", "dbname", "user", "service", "sslmode", "sslrootcert", "sslcert", "sslkey",
    "passfile", "target_session_attrs", "connect_timeout",
)  # fmt: skip
"""The libpq keywords that both drivers are given."""
SECRET_KEYWORDS = ("password", "sslpassword", "passwd", "pgpassword")
DEFAULT_INTERVAL = 30.0
LEAST_INTERVAL = 1.0
_OWN_KEYS = ("password_command", "allow_changes", "interval", "label")
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
_SECTIONS = ("profiles", "ui", "lab")
_UI_KEYS = ("theme", "ascii", "mouse", "refresh")
_LAB_KEYS = ("bindir",)


@dataclass(frozen=True, slots=True)
class Profile:
    """A named target."""

    name: str
    params: tuple[tuple[str, str], ...] = ()
    """libpq keywords, sorted."""
    password_command: tuple[str, ...] = ()
    """A program and its arguments, run without a shell; its first line of output is the password."""
    allow_changes: bool = False
    interval: float | None = None
    """Seconds between two polls."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, with defaults for the rest."""

    path: Path = Path()
    profiles: dict[str, Profile] = field(default_factory=dict)
    broken: dict[str, ConfigError] = field(default_factory=dict)
    """Profiles that the file names but that cannot be used, and why."""
    problems: tuple[ConfigError, ...] = ()
    theme: str = ""
    ascii: bool = False
    mouse: bool = True
    refresh: float = DEFAULT_INTERVAL
    lab_bindir: str = ""


def load_config(path: Path) -> Config:
    """The config of `path`. Never raises: what is wrong stands in `problems`, the rest is used. No file, no problem."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Config(path)
    except OSError as error:
        return _nothing(path, "cannot be read", str(error.strerror or "unknown reason"))
    except UnicodeDecodeError:
        return _nothing(path, "cannot be read", "It is not UTF-8 text")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # The parser's text may quote the file, and the file may hold a secret by mistake: only the place is told.
        place = str(error).rpartition("(")[2].rstrip(")") if "(at " in str(error) else "unknown place"
        return _nothing(path, "is not valid TOML", f"The mistake is {place}")
    return _Reader(path).read(document)


def check_keywords(params: Mapping[str, str], where: str) -> None:
    """Raise ConfigError when a value of a connection keyword cannot be right. Values are not repeated in the error."""
    for keyword, value in params.items():
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
            raise ConfigError(f"{where}: {keyword} holds a control character")
        choices = _CHOICES.get(keyword)
        if choices and value not in choices:
            raise ConfigError(f"{where}: {keyword} has an unknown value", todo=f"Choose one of {', '.join(choices)}")
        if keyword == "port" and not all(part.isdecimal() and 0 < int(part) < 65536 for part in value.split(",")):
            raise ConfigError(f"{where}: port is not a number from 1 to 65535")
        if keyword == "connect_timeout" and not value.isdecimal():
            raise ConfigError(f"{where}: connect_timeout is not a whole number of seconds")


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names most like `name`, as words for an error's last sentence; empty when none is close."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def _nothing(path: Path, what: str, why: str) -> Config:
    return Config(path, problems=(ConfigError(f"The config file {path} {what}", why, "Defaults are used"),))


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[ConfigError] = []

    def read(self, document: dict[str, Any]) -> Config:
        self._unknown(document, _SECTIONS, "")
        profiles: dict[str, Profile] = {}
        broken: dict[str, ConfigError] = {}
        for name, table in self._table(document, "profiles").items():
            try:
                profiles[name] = self._profile(name, table)
            except ConfigError as error:
                broken[name] = error
                self.problems.append(error)
        ui, lab = self._table(document, "ui"), self._table(document, "lab")
        self._unknown(ui, _UI_KEYS, "ui")
        self._unknown(lab, _LAB_KEYS, "lab")
        default = Config()
        values = {
            "theme": self._optional(ui, "ui", "theme", default.theme),
            "ascii": self._optional(ui, "ui", "ascii", default.ascii),
            "mouse": self._optional(ui, "ui", "mouse", default.mouse),
            "refresh": self._optional(ui, "ui", "refresh", default.refresh),
            "lab_bindir": self._optional(lab, "lab", "bindir", default.lab_bindir),
        }
        return Config(self.path, profiles, broken, tuple(self.problems), **values)

    def _profile(self, name: str, table: object) -> Profile:
        where = f"profiles.{one_line(name, 60)}"
        if not isinstance(table, dict):
            raise self._wrong(where, "a table of keys")
        for key in table:
            if key.lower() in SECRET_KEYWORDS:
                raise ConfigError(f"{self.path}: {where} holds a password, which is refused", todo=PASSWORD_PLACES)
            if key not in KEYWORDS + _OWN_KEYS:
                raise self._unknown_key(key, KEYWORDS + _OWN_KEYS, where)
        params = {key: self._keyword(table[key], f"{where}.{key}") for key in KEYWORDS if key in table}
        check_keywords(params, f"{self.path}: {where}")
        command = table.get("password_command", [])
        if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
            raise self._wrong(f"{where}.password_command", "a list of strings")
        if command and self.path.stat().st_mode & 0o022:
            raise ConfigError(
                f"{self.path}: the password_command of {where} is not run",
                "Others than you may write the file",
                f"Run: chmod go-w {self.path}",
            )
        return Profile(
            name,
            tuple(sorted(params.items())),
            tuple(command),
            self._value(table, where, "allow_changes", False),
            self._value(table, where, "interval", DEFAULT_INTERVAL) if "interval" in table else None,
            self._value(table, where, "label", ""),
        )

    def _keyword(self, value: object, where: str) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise self._wrong(where, "a string or a whole number")
        return str(value)

    def _value(self, table: dict[str, Any], where: str, key: str, default: Any) -> Any:
        """The value of a key, of the default's type. Raises ConfigError."""
        value = table.get(key, default)
        if isinstance(default, float):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not LEAST_INTERVAL <= value < 1e6:
                raise self._wrong(f"{where}.{key}", f"a number of seconds, at least {LEAST_INTERVAL:g}")
            return float(value)
        if not isinstance(value, type(default)):
            raise self._wrong(f"{where}.{key}", "true or false" if isinstance(default, bool) else "a string")
        return value

    def _optional(self, table: dict[str, Any], where: str, key: str, default: Any) -> Any:
        """`_value`, but a wrong one is noted and the default used."""
        try:
            return self._value(table, where, key, default)
        except ConfigError as error:
            self.problems.append(error)
            return default

    def _table(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return value
        self.problems.append(self._wrong(name, f"a table: [{name}]"))
        return {}

    def _unknown(self, table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
        self.problems += [self._unknown_key(key, known, where) for key in table if key not in known]

    def _unknown_key(self, key: str, known: tuple[str, ...], where: str) -> ConfigError:
        inside = f" in [{where}]" if where else ""
        hint = nearest(key, known) or f"Known: {', '.join(known)}"
        return ConfigError(f"{self.path}: unknown key {one_line(key, 60)}{inside}", todo=hint)

    def _wrong(self, where: str, expected: str) -> ConfigError:
        return ConfigError(f"{self.path}: {where} must be {expected}")
