"""The planner settings that a role's sessions have: its own and the database's come before the server's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Rows = Callable[..., list[Row]]
"""`rows(query, params)` of this room's queries."""

_OWN = frozenset(("user", "database user", "client", "session", "interactive"))
"""Values of pg_settings.source that hide from this session what others get."""
_RENAMED = {"force_parallel_mode": "debug_parallel_query"}
"""Settings that the lab's server knows by another name."""
_COSTS = ("seq_page_cost", "random_page_cost")
_PATH = "search_path"
_NAME = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"\s]+))\s*(?:,|\Z)')


@dataclass(frozen=True, slots=True)
class Settings:
    """`values` by name, as ALTER DATABASE .. SET takes them; `notes` on what could not be told, one line each."""

    values: Mapping[str, str]
    path: tuple[str, ...] | None
    """Resolved search path of the role; None: that of the reading session."""
    notes: tuple[str, ...] = ()


def read_settings(rows: Rows, role: str) -> Settings:
    """Settings of sessions of `role` in the connected database; with an empty `role` those of the reading session."""
    own = rows("settings")
    present = {row["name"]: row["setting"] for row in own}
    if not role:
        return _with_tablespaces(rows, Settings(present, None))
    layers = rows("role_settings", {"role": role})
    if layers[0]["role"] is None:
        note = f"settings of the role {role}: there is no such role, those of the reading session stand"
        return _with_tablespaces(rows, Settings(present, None, (note,)))
    set_for = _merged(layers)
    hidden = [row["name"] for row in own if row["source"] in _OWN and row["name"].lower() not in set_for]
    files, readable = _file_settings(rows, hidden)
    notes = []
    for row in own:
        name = row["name"]
        if name.lower() in set_for:
            present[name] = set_for[name.lower()]
        elif name in hidden:
            present[name] = files.get(name, row["boot_val"])
            if not readable and present[name] != row["setting"] and name != _PATH:
                notes.append(
                    f"setting {name}: the reading role has its own value, the server's cannot be read;"
                    f" the built-in {present[name]} stands for it"
                )
    path = _path(rows, role, present.get(_PATH) or "")
    return _with_tablespaces(rows, Settings(present, path, tuple(notes)))


def parse_path(text: str) -> tuple[str, ...]:
    """The names of a search_path as it is written in a setting."""
    return tuple(
        quoted.replace('""', '"') if quoted else bare.lower() for quoted, bare in _NAME.findall(text) if quoted or bare
    )


def _merged(layers: Iterable[Row]) -> dict[str, str]:
    """Names in lower case; later layers win."""
    found: dict[str, str] = {}
    for layer in layers:
        for setting in layer["settings"]:
            name, _, value = setting.partition("=")
            found[name.lower()] = value
    return found


def _file_settings(rows: Rows, names: list[str]) -> tuple[dict[str, str], bool]:
    if not names or not rows("file_settings_readable")[0]["yes"]:
        return {}, not names
    return {row["name"]: row["setting"] for row in rows("file_settings", {"names": names})}, True


def _path(rows: Rows, role: str, text: str) -> tuple[str, ...]:
    names = [role if name == "$user" else name for name in parse_path(text)]
    return tuple(dict.fromkeys(row["name"] for row in rows("role_path", {"role": role, "names": names})))


def _with_tablespaces(rows: Rows, settings: Settings) -> Settings:
    """Costs of the database's own tablespace take the place of the settings; those of others are told."""
    values = {_RENAMED.get(name, name): value for name, value in settings.values.items() if name != _PATH}
    notes = list(settings.notes)
    for row in rows("tablespaces"):
        options = dict(option.split("=", 1) for option in row["options"])
        costs = {name: options[name] for name in _COSTS if name in options}
        if row["is_default"]:
            values |= costs
        elif row["relations"] and any(values.get(name) != cost for name, cost in costs.items()):
            told = ", ".join(f"{name} = {cost}" for name, cost in costs.items())
            notes.append(f"tablespace {row['name']}: its {told} of {row['relations']} tables and indexes")
    return Settings(values, settings.path, tuple(notes))
