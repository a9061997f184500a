"""From the name of a kind to its module. Modules are loaded when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from optischema_tui.core.change.kinds.kind import Kind
from optischema_tui.core.errors import ChangeRefused

NAMES = (
    "partitioned_index",
    "create_index",
    "drop_index",
    "reindex",
    "analyze",
    "vacuum",
    "create_statistics",
    "drop_statistics",
    "table_options",
    "system_setting",
    "database_setting",
    "role_setting",
    "manual",
)
"""In the order in which what a person writes is offered to them."""


def kind_of(name: str) -> Kind:
    """The kind's module. Raises ChangeRefused for another name."""
    if name not in NAMES:
        raise ChangeRefused(
            f"A change of kind {name} cannot be carried out by this version", todo=f"It knows: {', '.join(NAMES)}"
        )
    return cast(Kind, import_module(f"optischema_tui.core.change.kinds.{name}"))
