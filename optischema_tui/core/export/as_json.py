"""Tables as JSON: the columns described once, each row by column name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from optischema_tui.core.export.table import Table


def json_text(tables: Sequence[Table]) -> str:
    """`tables`: each with `name`, `title`, `columns` (`name`, `kind`, `unit`), `rows` (objects by column name) and
    `notes`. ASCII only; moments are seconds since 1970, shares 0-1."""
    return json.dumps({"tables": [_value(table) for table in tables]}, indent=2, allow_nan=False) + "\n"


def _value(table: Table) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return {
        "name": table.name,
        "title": table.title,
        "columns": [{"name": one.name, "kind": str(one.kind), "unit": one.unit} for one in table.columns],
        "rows": [dict(zip(names, row, strict=True)) for row in table.rows],
        "notes": list(table.notes),
    }
