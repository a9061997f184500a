"""Indexes whose work another one does: duplicates, and those whose keys another one begins with."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.covering import Covered, covered
from optischema_tui.core.findings.indexes.facts import Facts
from optischema_tui.core.findings.indexes.unused import going
from optischema_tui.core.findings.indexes.wording import create_sql, drop_sql, finding, named, qualified, saved, told
from optischema_tui.core.models import Finding, Reason

DUPLICATE, REDUNDANT, WIDER = "duplicate", "redundant", "covered by a much wider one"
VERDICTS = (DUPLICATE, REDUNDANT, WIDER)


def find(facts: Facts) -> Iterator[Finding]:
    for _, one in sorted(covered(facts, going(facts)).items()):
        yield _finding(facts, one)


def _finding(facts: Facts, one: Covered) -> Finding:
    index, survivor = one.index, one.survivor
    verdict = DUPLICATE if one.same else WIDER if one.much_wider else REDUNDANT
    impact, cost = saved(facts, index)
    goes = verdict != WIDER and not facts.in_recovery and not index.is_unique
    return finding(
        facts,
        "index.redundant",
        qualified(index.key),
        verdict=verdict,
        title=f"The {named(index, facts)} does nothing that {told(survivor.name)} does not.",
        reasons=tuple(_reasons(facts, one)),
        impact=impact,
        cost=0.0 if verdict == WIDER else cost,
        evidence=(
            f"Keys: {told(', '.join(index.keys))}; of the survivor {qualified(survivor.key)}:"
            f" {told(', '.join(survivor.keys))}.",
        ),
        forward=drop_sql(index) if goes else "",
        inverse=create_sql(facts, index) if goes else "",
    )


def _reasons(facts: Facts, one: Covered) -> Iterator[Reason]:
    survivor = told(one.survivor.name)
    if one.same:
        yield Reason("same_keys", f"{survivor} has the same keys in the same order, and covers its included columns.")
    else:
        yield Reason("prefix", f"{survivor} begins with the same keys in the same order.")
    yield Reason(
        "alike", "Method, operator classes, collations, direction, NULLs and condition are the same, by the catalog."
    )
    if one.index.is_unique:
        yield Reason("unique", f"{survivor} forbids the same duplicates; what is unique a person drops by hand.")
    if one.much_wider:
        yield Reason("wider", f"{survivor} is far larger: scans of the narrow one would become dearer.")
    elif not one.same:
        yield Reason("unproved", "How its readers fare with the survivor: the advisor proves it in the lab.")
    if facts.in_recovery:
        yield Reason("standby", "This server is a standby: it goes on the primary.")
