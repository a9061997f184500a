"""A CREATE INDEX statement as text, for the lab to try."""

from __future__ import annotations

from collections.abc import Callable

from optischema_tui.core.errors import LabError
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.index_text import IndexNotRead, read_index_text


def read_index(sql: str, schema_of: Callable[[str], str]) -> IndexSpec:
    """The index that `sql` would create. `schema_of(table)` tells the schema of a table that is named without one.

    Raises LabError for what is no single CREATE INDEX, and for UNIQUE, WITH and TABLESPACE, which the lab cannot try.
    """
    try:
        spec = read_index_text(sql, schema_of).spec
    except IndexNotRead as why:
        raise _refused(sql, str(why)) from None
    if spec.unique:
        raise _refused(sql, "UNIQUE is not tried: whether the values are unique is for the server to say")
    if spec.options or spec.tablespace:
        raise _refused(sql, f"{'WITH' if spec.options else 'TABLESPACE'} is not tried")
    return spec


def _refused(sql: str, why: str) -> LabError:
    return LabError(f"This is not an index that can be tried: {one_line(sql, 80)}", why)
