"""Checks that only the creation of an index needs."""

from __future__ import annotations

from optischema_tui.core.change.catalog import covers, name_fits, spec_of
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.shape import names_of, shape_problem
from optischema_tui.core.models import Check
from optischema_tui.core.safe_text import one_line

_MEGABYTE = 1 << 20
_SHOW_FROM = 1 << 30


def name_is_free(facts: Facts) -> Check:
    name, line = facts.change.index_name, "index name"
    if not name_fits(name):
        return block(line, f"The name {name} is empty or longer than 63 bytes; the server would cut it")
    index = facts.named
    if index is None:
        taken = facts.ask("named", schema=facts.change.schema, name=name)
        if taken:
            return block(line, f"Something else in schema {facts.change.schema} has the name {name}", "named")
        return ok(line, f"The name {name} is free", "named")
    if not index.usable:
        return block(
            line,
            f"An INVALID index {name} is left over from an earlier build; when nobody builds it, remove it with: "
            f"{facts.change.inverse_sql}",
            "indexes",
        )
    return block(line, f"An index {name} exists: {index.definition}", "indexes")


def nothing_covers(facts: Facts) -> Check:
    spec, line = spec_of(facts.change), "equal or covering index"
    if spec is None:
        return block(line, "The change holds no description of its index, so that nothing can be compared")
    for index in facts.indexes:
        if index.table == facts.change.table and covers(index, spec):
            return block(line, f"{index.name} does the same already: {index.definition}", "indexes")
    return ok(line, "No valid index of this table has these leading columns", "indexes")


def leftovers(facts: Facts) -> Check:
    line = "invalid leftovers"
    invalid = [index.name for index in facts.indexes if not index.usable and index.name != facts.change.index_name]
    if invalid:
        return warn(line, f"The table has invalid indexes that only cost writes: {', '.join(invalid)}", "indexes")
    return ok(line, "The table has no other invalid index", "indexes")


def room_on_disk(facts: Facts) -> Check:
    estimate = facts.change.detail.get("size_bytes", 0)
    line = "disk space"
    if not isinstance(estimate, int) or estimate <= 0:
        return warn(line, "The size of the index is not known, and free disk space cannot be seen over SQL")
    need = 3 * estimate
    reason = (
        f"Needs about {max(1, need // _MEGABYTE)} MB for a while (index, temporary files and WAL); "
        "free disk space cannot be seen over SQL"
    )
    return warn(line, reason) if need >= _SHOW_FROM else ok(line, reason)


def names_are_the_servers_own(facts: Facts) -> Check:
    """A function of the same name that somebody else has made could be taken in place of PostgreSQL's own, and would
    run with the rights of the table's owner."""
    spec, line = spec_of(facts.change), "functions and operators"
    if spec is None or (problem := shape_problem(spec)):
        return block(line, "The change holds no description of its index" if spec is None else problem)
    names = names_of(spec)
    if not (names.functions or names.operators or names.types):
        return ok(line, "The index calls no function")
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
    return ok(line, "All that the index calls is PostgreSQL's own or of the table's owner", "strangers")


CHECKS = (name_is_free, nothing_covers, leftovers, names_are_the_servers_own, room_on_disk)
