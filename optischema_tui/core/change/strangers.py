"""Whose functions a change would call.

One of the same name that somebody else has made could be taken in place of PostgreSQL's own, and would run with the
rights of the table's owner.
"""

from __future__ import annotations

from optischema_tui.core.change.checks import Facts, block, ok
from optischema_tui.core.change.expression import Names
from optischema_tui.core.models import Check
from optischema_tui.core.safe_text import one_line


def no_strangers(facts: Facts, line: str, names: Names, who: str, calls: str) -> Check:
    """Whether `names` lead to PostgreSQL's own things or to the table owner's. `who` and `calls` word what calls them:
    'The index calls', 'the index calls'."""
    if not (names.functions or names.operators or names.types):
        return ok(line, f"{who} no function")
    found = facts.ask(
        "strangers",
        functions=sorted(names.functions),
        operators=sorted(names.operators),
        types=sorted(names.types),
        schema=facts.change.schema,
        table=facts.change.table,
    )
    if found:
        which = "; ".join(f"the {row['kind']} {one_line(row['name'], 80)} of role {row['owner']}" for row in found)
        return block(line, f"The server might take {which}, and run it with the table owner's rights", "strangers")
    return ok(line, f"All that {calls} is PostgreSQL's own or of the table's owner", "strangers")
