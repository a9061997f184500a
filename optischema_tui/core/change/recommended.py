"""What a recommendation asks for, as a change that can be carried out. Nothing here speaks to a server."""

from __future__ import annotations

from dataclasses import replace

from optischema_tui.core.change.catalog import name_fits, spec_to_detail
from optischema_tui.core.change.droppable import NEEDS
from optischema_tui.core.change.index_tree import Name, Node, removal, steps, to_detail
from optischema_tui.core.change.kinds.kind import SEPARATOR, Draft
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.shape import shape_problem
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import IndexSpec, Recommendation, quote
from optischema_tui.core.target.index_text import IndexNotRead, read_index_text
from optischema_tui.core.workload.lexer import tokens

CREATE, DROP, IN_PARTS = "create_index", "drop_index", "partitioned_index"
"""The first two are the kinds that the advisor recommends; the third is the first on a partitioned table."""


def draft_of(recommendation: Recommendation) -> Draft:
    """The change, its statements made anew from the description. Raises ChangeRefused when this program does not carry
    such a change out, or when the recommendation's SQL is not what its description says."""
    spec, name = recommendation.spec, recommendation.index_name
    if recommendation.kind not in (CREATE, DROP) or not name_fits(name):
        raise _not_carried_out(recommendation)
    if spec is None:
        draft = _foreign_drop(recommendation)
    elif problem := shape_problem(spec):
        raise ChangeRefused(
            "This index is not built by this program", problem, "When it is what you want, run its SQL yourself"
        )
    elif recommendation.kind == CREATE and len(_statements(recommendation.forward_sql)) > 1:
        draft = _in_parts(recommendation, spec)
    else:
        draft = _of_one(recommendation, spec)
    written = (recommendation.forward_sql, recommendation.inverse_sql)
    if written != (SEPARATOR.join(draft.steps), SEPARATOR.join(draft.undo)):
        raise ChangeRefused(
            "The recommendation's SQL is not what its description says",
            f"It should be: {SEPARATOR.join(draft.steps)}",
            "Ask for the advice again",
        )
    return draft


def _of_one(recommendation: Recommendation, spec: IndexSpec) -> Draft:
    name = recommendation.index_name
    create, drop = spec.sql(name), f"DROP INDEX CONCURRENTLY {quote(spec.schema)}.{quote(name)}"
    forward, inverse = (create, drop) if recommendation.kind == CREATE else (drop, create)
    return Draft(
        kind=recommendation.kind,
        title=recommendation.title,
        subject=f"{spec.schema}.{name}",
        steps=(forward,),
        undo=(inverse,),
        schema=spec.schema,
        table=spec.table,
        index_name=name,
        detail={"spec": spec_to_detail(spec)},
    )


def _foreign_drop(recommendation: Recommendation) -> Draft:
    """An index that this program has not made. The statement of its undo is the server's own definition, by which the
    index must still be found; what the undo then runs is read from the server before the drop."""
    words, name = Words(recommendation.inverse_sql), recommendation.index_name
    head = words.take("CREATE", "INDEX", "CONCURRENTLY") and words.name() == name and words.take("ON")
    table = words.qualified() if head else None
    if recommendation.kind != DROP or table is None or not table[0] or not words.whole:
        raise _not_carried_out(recommendation)
    definition = f"CREATE INDEX {recommendation.inverse_sql.removeprefix('CREATE INDEX CONCURRENTLY ')}"
    return Draft(
        kind=DROP,
        title=recommendation.title,
        subject=f"{table[0]}.{name}",
        steps=(f"DROP INDEX CONCURRENTLY {quote(table[0])}.{quote(name)}",),
        undo=(recommendation.inverse_sql,),
        schema=table[0],
        table=table[1],
        index_name=name,
        cautions=recommendation.evidence.unknowns or NEEDS,
        detail={"definition": definition},
    )


def _not_carried_out(recommendation: Recommendation) -> ChangeRefused:
    return ChangeRefused(
        f"A change of kind {recommendation.kind} cannot be carried out",
        "Only the creation and the removal of one described index can",
    )


# --- the recipe for a partitioned table ---


def _in_parts(recommendation: Recommendation, spec: IndexSpec) -> Draft:
    nodes = _nodes(_statements(recommendation.forward_sql), spec)
    if not nodes or nodes[0].name != (spec.schema, recommendation.index_name):
        raise _not_carried_out(recommendation)
    return Draft(
        kind=IN_PARTS,
        title=recommendation.title,
        subject=f"{spec.schema}.{recommendation.index_name}",
        steps=tuple(step.sql for step in steps(nodes)),
        undo=removal(nodes, partly=False),
        schema=spec.schema,
        table=spec.table,
        index_name=recommendation.index_name,
        detail={"spec": spec_to_detail(spec), "nodes": to_detail(nodes)},
    )


def _nodes(statements: tuple[str, ...], spec: IndexSpec) -> tuple[Node, ...]:
    """The indexes that the statements make, of `spec` but for the table, and what they are attached to; empty when they
    say anything else. The text of the statements is not taken over."""
    made: list[tuple[IndexSpec, str, bool]] = []
    above: dict[Name, Name] = {}
    for sql in statements:
        words = Words(sql)
        if words.take("ALTER", "INDEX"):
            parent, child = words.qualified(), None
            if words.take("ATTACH", "PARTITION"):
                child = words.qualified()
            if parent is None or child is None or not words.ended:
                return ()
            above[child] = parent
            continue
        try:
            text = read_index_text(sql, lambda table: "")
        except IndexNotRead:
            return ()
        if replace(text.spec, schema=spec.schema, table=spec.table) != spec:
            return ()
        made.append((text.spec, text.name, text.only))
    return tuple(
        Node(own.schema, own.table, name, above.get((own.schema, name)), not only, True, own.sql(name, only=only))
        for own, name, only in made
    )


def _statements(sql: str) -> tuple[str, ...]:
    """The statements of a text, cut at its semicolons."""
    found, begin = [], 0
    for token in tokens(sql):
        if token.text == ";" and token.kind == "op":
            found.append(sql[begin : token.start].strip())
            begin = token.start + 1
    return tuple(filter(None, (*found, sql[begin:].strip())))
