"""Every index that could serve the questions, and why others are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from optischema_tui.core.advise.propose import foreign, problems
from optischema_tui.core.advise.propose.candidate import Candidate, Occurrence, Proposal, Refusal
from optischema_tui.core.advise.propose.coverage import covered_by, makes_redundant
from optischema_tui.core.advise.propose.draft import Draft, plain
from optischema_tui.core.advise.propose.drafts import Drafted, drafted, partial
from optischema_tui.core.advise.propose.existing import droppable, spec_of
from optischema_tui.core.advise.propose.merging import merged
from optischema_tui.core.advise.propose.partial import Predicate, predicates
from optischema_tui.core.advise.propose.relevance import Relevance
from optischema_tui.core.advise.propose.special import unserved
from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.text import canonical
from optischema_tui.core.advise.reading.use import Key, TableKey, Use
from optischema_tui.core.models import CatalogFacts, IndexSpec, TableFacts

MAX_WIDTH = 4
"""Key columns."""
MAX_STRANGE_PREDICATES = 2
"""Predicates of other statements' partial indexes that are tried for one use ..."""
MAX_STRANGE_DRAFTS = 2
"""... and the keys tried with each."""


def propose(
    occurrences: Sequence[Occurrence],
    facts: CatalogFacts,
    *,
    max_width: int = MAX_WIDTH,
    plain_only: bool = False,
) -> Proposal:
    """Candidates for the tables that the questions use, the existing indexes of these tables among them.

    With `plain_only`, B-trees on columns alone, without INCLUDE or WHERE: every needed column may be a key.
    """
    maker = _Maker(facts, max_width, plain_only=plain_only)
    for occurrence in occurrences:
        for use in occurrence.uses:
            maker.take(occurrence, use)
    maker.share_predicates()
    maker.merge()
    maker.foreign_keys(occurrences)
    return maker.proposal()


class _Maker:
    def __init__(self, facts: CatalogFacts, max_width: int, *, plain_only: bool) -> None:
        self.facts = facts
        self.max_width = max_width
        self.plain_only = plain_only
        self.found: dict[TableKey, dict[IndexSpec, Draft]] = defaultdict(dict)
        self.refused: dict[Refusal, None] = {}
        self.notes: list[Refusal] = []
        """Said whether or not the index is a candidate."""
        self.users: dict[TableKey, list[tuple[int, Relevance]]] = defaultdict(list)
        self.tables: dict[TableKey, TableFacts] = {}
        self.predicates: dict[TableKey, dict[tuple[str, ...], Predicate]] = defaultdict(dict)
        self.checks: dict[IndexSpec, set[int]] = defaultdict(set)
        """Questions that make the server look through a foreign key, by the index that would serve it."""

    def take(self, occurrence: Occurrence, use: Use) -> None:
        self.tables[use.key] = use.table
        self.users[use.key].append((occurrence.question, Relevance(use)))
        for sentence in use.unfit:
            self._refuse(use.table, f"{use.table.name}: {sentence}")
        view = View(use)
        for term in use.terms:
            sentence = unserved(term, view, self.facts)
            if sentence:
                self._refuse(use.table, sentence)
        problem = problems.table_problem(use.table)
        if problem:
            if use.terms or use.sorts:
                self._refuse(use.table, f"{use.table.name}: no index is proposed, {problem}")
            return
        fixed = _fixed(occurrence, use)
        for predicate in () if self.plain_only else predicates(use, fixed):
            self.predicates[use.key].setdefault(predicate.texts, predicate)
        for each in drafted(use, self.facts, fixed, max_width=self.max_width, plain_only=self.plain_only):
            self._consider(each, view)

    def share_predicates(self) -> None:
        """One partial index for several statements: the rows that one asks for may hold all that another wants."""
        for key, known in self.predicates.items():
            ranked = sorted(known.values(), key=lambda each: (each.share, each.texts))
            for _, relevance in self.users[key]:
                own = frozenset(term.text for term in relevance.use.terms)
                strange = (each for each in ranked if not own.issuperset(each.texts))
                fitting = (each for each in strange if all(map(relevance.implies, each.texts)))
                for predicate in islice(fitting, MAX_STRANGE_PREDICATES):
                    for drafted_ in islice(partial(relevance.use, predicate, self.max_width), MAX_STRANGE_DRAFTS):
                        self._consider(drafted_, View(relevance.use))

    def merge(self) -> None:
        if self.plain_only:
            return
        for key, drafts in self.found.items():
            table = self.tables[key]
            for draft in list(merged(list(drafts.values()), table)):
                spec = draft.spec(table)
                if spec not in drafts and not covered_by(spec, table):
                    drafts[spec] = draft

    def foreign_keys(self, occurrences: Sequence[Occurrence]) -> None:
        """The busiest parents' first: a candidate where a question joins through it, a note in any case."""
        written: dict[TableKey, set[int]] = defaultdict(set)
        for occurrence in occurrences:
            for use in occurrence.uses:
                if use.operation in ("Delete", "Merge"):
                    written[use.key].add(occurrence.question)
        for gap in foreign.gaps(self.facts):
            if problems.table_problem(gap.table):
                continue
            key = (gap.table.schema, gap.table.name)
            draft = Draft(plain([Key(name) for name in gap.key.columns]), reasons=(f"{_capital(gap.sentence())}.",))
            if problems.key_problem(draft, gap.table) or len(gap.key.columns) > self.max_width:
                continue
            asked = written[gap.key.schema, gap.key.table]
            if gap.load or asked:
                self.notes.append(Refusal(*key, gap.sentence(), gap.spec))
            if key in self.tables or asked:
                self.tables[key] = gap.table
                self._add(gap.table, draft)
                self.checks[gap.spec] |= asked

    def proposal(self) -> Proposal:
        candidates = [each for key in sorted(self.tables) for each in self._of_table(key)]
        known = {candidate.spec for candidate in candidates if candidate.existing is None}
        refused = [refusal for refusal in self.refused if refusal.spec not in known]
        return Proposal(tuple(candidates), (*refused, *self.notes))

    def _of_table(self, key: TableKey) -> Iterator[Candidate]:
        table, users = self.tables[key], self.users[key]
        for spec, draft in sorted(self.found[key].items(), key=lambda each: _place(each[0])):
            serves = frozenset(number for number, relevance in users if relevance.can_serve(draft))
            serves |= self.checks[spec]
            if serves:
                yield Candidate(spec, serves, draft.reasons, makes_redundant(spec, table))
        everyone = frozenset(number for number, _ in users)
        for index in table.indexes:
            if droppable(index, table) and everyone:
                yield Candidate(spec_of(index), everyone, existing=index)

    def _consider(self, each: Drafted, view: View) -> None:
        draft, table = each.draft, view.table
        reason = problems.key_problem(draft, table)
        if not reason and not self.plain_only:
            reason = problems.selectivity_problem(draft, view)
        spec = draft.spec(table)
        if not reason:
            joined = {key for keys in view.joins.values() for key in keys} & {*draft.keys}
            pinned = [canonical(key.text) if key.computed else key.text for key in (*view.equal, *sorted(joined))]
            known = frozenset(term.text for term in view.use.terms if not term.in_or)
            reason = covered_by(spec, table, pinned, each.share, known)
        if reason:
            self._refuse(table, reason, spec)
        else:
            self._add(table, draft)

    def _add(self, table: TableFacts, draft: Draft) -> None:
        specs = self.found[table.schema, table.name]
        if table.partitioned:
            draft = draft.because("The table is partitioned: it is built partition by partition, then attached.")
        specs.setdefault(draft.spec(table), draft)

    def _refuse(self, table: TableFacts, reason: str, spec: IndexSpec | None = None) -> None:
        self.refused.setdefault(Refusal(table.schema, table.name, reason, spec))


def _fixed(occurrence: Occurrence, use: Use) -> frozenset[str] | None:
    """Texts of the conditions on this table that are the same whatever the parameters; None unknown."""
    if occurrence.generic is None:
        return None
    return frozenset(term.text for each in occurrence.generic if each.key == use.key for term in each.terms)


def _place(spec: IndexSpec) -> tuple[object, ...]:
    return (
        len(spec.columns), spec.columns, spec.method, spec.predicate, spec.include, spec.descending, spec.nulls,
        spec.opclasses, spec.computed,
    )  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
