"""A recommendation or a change as lines: the evidence, the exact SQL and its inverse, what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import AdviceRun, Affected, Change, ChangeState, Fidelity, Recommendation, Risk
from optischema_tui.widgets import figures
from optischema_tui.widgets.gain_curve import curve_lines
from optischema_tui.widgets.glyphs import Glyphs, bar
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.sections import bullets, heading, labelled
from optischema_tui.widgets.sql_view import sql_lines

MAY_APPLY = frozenset({ChangeState.APPROVED, ChangeState.PREFLIGHT, ChangeState.LEFTOVER})
MAY_KEEP = frozenset({ChangeState.VERIFYING, ChangeState.NEEDS_ATTENTION})
MAY_UNDO = frozenset({ChangeState.APPLIED, ChangeState.KEPT, ChangeState.LEFTOVER}) | MAY_KEEP
MAY_WITHDRAW = frozenset({ChangeState.PROPOSED, ChangeState.APPROVED, ChangeState.FAILED_CLEAN})
SETTLED = frozenset({ChangeState.ROLLED_BACK, ChangeState.FAILED_CLEAN, ChangeState.KEPT, ChangeState.WITHDRAWN})
_WORDS = {
    ChangeState.PROPOSED: ("proposed", ""),
    ChangeState.APPROVED: ("approved", "accent"),
    ChangeState.PREFLIGHT: ("preflight", "accent"),
    ChangeState.INTENT: ("starting", "warn"),
    ChangeState.EXECUTING: ("building", "warn"),
    ChangeState.APPLIED: ("applied", "good"),
    ChangeState.FAILED_CLEAN: ("failed", "bad"),
    ChangeState.LEFTOVER: ("leftover", "bad"),
    ChangeState.UNKNOWN: ("unknown", "bad"),
    ChangeState.VERIFYING: ("measuring", "good"),
    ChangeState.KEPT: ("kept", "good"),
    ChangeState.ROLLED_BACK: ("undone", "dim"),
    ChangeState.NEEDS_ATTENTION: ("ATTENTION", "bad"),
    ChangeState.WITHDRAWN: ("withdrawn", "dim"),
}
DROP = "drop_index"
BY_HAND = "for a person, elsewhere; nothing of it is sent"
TRUE_COST = 0.01
"""A lab whose cost is this near to the target's is true for that statement."""
RISK_ROLES = {Risk.LOW: "good", Risk.MEDIUM: "warn", Risk.HIGH: "bad"}


@dataclass(frozen=True, slots=True)
class Item:
    """A recommendation, a change, or both of one action."""

    recommendation: Recommendation | None
    change: Change | None

    @property
    def key(self) -> str:
        return self.recommendation.id if self.recommendation is not None else self.change.id if self.change else ""

    @property
    def title(self) -> str:
        return (
            self.recommendation.title if self.recommendation is not None else self.change.title if self.change else ""
        )

    @property
    def forward_steps(self) -> tuple[str, ...]:
        return self.change.steps if self.change is not None else (self.forward_sql,)

    @property
    def inverse_steps(self) -> tuple[str, ...]:
        if self.change is not None:
            return self.change.undo_steps
        return (self.inverse_sql,) if self.inverse_sql else ()

    @property
    def forward_sql(self) -> str:
        if self.change is not None:
            return self.change.forward_sql
        return self.recommendation.forward_sql if self.recommendation is not None else ""

    @property
    def inverse_sql(self) -> str:
        if self.change is not None:
            return self.change.inverse_sql
        return self.recommendation.inverse_sql if self.recommendation is not None else ""


def state_word(item: Item) -> tuple[str, str]:
    """(word, role) of where the item stands."""
    if item.change is None:
        return "new", "strong"
    if item.change.waits_for:
        return ("by hand", "accent") if item.change.by_hand else ("restart", "warn")
    return _WORDS[item.change.state]


def items_of(recommendations: tuple[Recommendation, ...], changes: tuple[Change, ...]) -> tuple[Item, ...]:
    """One item an action: recommendations with their newest change, then changes that stand alone."""
    newest: dict[str, Change] = {}
    alone: list[Item] = []
    for change in sorted(changes, key=lambda each: each.id, reverse=True):
        if change.recommendation_id:
            newest.setdefault(change.recommendation_id, change)
        elif not change.rolls_back or change.state not in SETTLED | {ChangeState.APPLIED, ChangeState.VERIFYING}:
            alone.append(Item(None, change))
    known = {recommendation.id for recommendation in recommendations}
    items = [Item(recommendation, newest.get(recommendation.id)) for recommendation in recommendations]
    return (*items, *(Item(None, change) for key, change in newest.items() if key not in known), *alone)


def evidence_lines(item: Item, measured: tuple[str, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """Everything a person should know before the decision, and after it."""
    lines = wrap(((item.title, "strong"),), width)
    if item.change is not None:
        lines += _change_lines(item.change, measured, width, glyphs)
    by_hand = item.change is not None and item.change.by_hand
    title, how = ("Steps", BY_HAND) if by_hand else ("SQL", "runs exactly as it stands here")
    lines += [(), heading(title, how, width, glyphs)]
    lines += _statement_lines(item.forward_steps, width)
    lines += [(), heading("Undo", "", width, glyphs)]
    lines += _statement_lines(item.inverse_steps, width) or wrap((("Nothing undoes it.", "warn"),), width)
    if item.recommendation is not None:
        lines += _proof_lines(item.recommendation, width, glyphs)
    return lines


def _statement_lines(steps: tuple[str, ...], width: int) -> list[Line]:
    """Each statement laid out; numbered where there are several."""
    if len(steps) < 2:
        return [line for sql in steps for line in sql_lines(sql, width)]
    lines: list[Line] = []
    for number, sql in enumerate(steps, 1):
        first, *more = sql_lines(sql, max(20, width - 4)) or [()]
        lines += [((f"{number:>2}  ", "dim"), *first), *((("    ", ""), *line) for line in more)]
    return lines


def _proof_lines(recommendation: Recommendation, width: int, glyphs: Glyphs) -> list[Line]:
    evidence = recommendation.evidence
    risk = recommendation.risk
    drop = recommendation.kind == DROP
    lines: list[Line] = [(), heading("Proof", evidence.planner, width, glyphs)]
    if drop:
        lines += labelled("frees", f"about {figures.octets(evidence.size_bytes)}", width)
    else:
        cost = f"{figures.count(evidence.cost_before)} {glyphs.arrow} {figures.count(evidence.cost_after)}"
        share = figures.percent(evidence.share)
        lines += labelled("cost", f"{cost}   {evidence.gain:.1f}x less in the planner's units, all calls", width)
        lines += labelled("load", f"{share} of the measured time is in these statements", width)
        lines += labelled("size", f"about {figures.octets(evidence.size_bytes)}", width)
    if evidence.upkeep > 0:
        lines += labelled("upkeep", f"{figures.percent(evidence.upkeep)} of the measured time, for writes", width)
    lines += labelled("confidence", evidence.confidence, width)
    if evidence.second_opinion:
        lines += labelled("HypoPG", evidence.second_opinion, width)
    lines += labelled("risk", str(risk), width, role=RISK_ROLES[risk])
    lines += bullets(recommendation.risk_reasons, width, "  -")
    if evidence.facts:
        lines += [(), heading("Known", "speaks for its safety", width, glyphs), *bullets(evidence.facts, width, "-")]
    if evidence.unknowns:
        lines += [(), heading("Not known", "check it before you drop", width, glyphs)]
        lines += bullets(evidence.unknowns, width, "-", "warn")
    if evidence.notes:
        title = "Why it can go" if drop else "Why these columns"
        lines += [(), heading(title, "", width, glyphs), *bullets(evidence.notes, width, "-")]
    if evidence.affected:
        many = f"{len(evidence.affected)} change{'s its' if len(evidence.affected) == 1 else ' their'} plan"
        lines += [(), heading("Statements", "read it today" if drop else many, width, glyphs)]
    for affected in evidence.affected:
        gain = affected.cost_before / affected.cost_after if affected.cost_after > 0 else 1.0
        lines += wrap(
            (
                (bar(affected.share, 6, glyphs), "bar"),
                (f" {affected.share:>6.1%}  ", "strong"),
                (f"{figures.count(affected.calls)} calls, mean {figures.milliseconds(affected.mean_exec_time)}   ", ""),
                (
                    f"cost {figures.count(affected.cost_before)} {glyphs.arrow} {figures.count(affected.cost_after)}  ",
                    "",
                ),
                (f"{gain:.1f}x", "good" if gain > 1 else "warn"),
            ),
            width,
            7,
        )
        lines += wrap((("       ", ""), (" ".join(affected.text[:2000].split()), "dim")), width, 7)[:3]
        lines += _detail_lines(affected, width, glyphs)
    return lines


def _detail_lines(affected: Affected, width: int, glyphs: Glyphs) -> list[Line]:
    """Values drawn, the generic plan, and how true the lab is for this statement."""
    told = [f"with {values}" for values in affected.values]
    if affected.generic_before is not None and affected.generic_after is not None:
        cost = f"{figures.count(affected.generic_before)} {glyphs.arrow} {figures.count(affected.generic_after)}"
        told.append(f"its generic plan, values unknown: cost {cost}")
    if affected.fidelity is not None:
        told.append(f"the target's own plan costs the same as the lab's within {affected.fidelity:.1%}")
    return [line for text in told for line in wrap((("       ", ""), (text, "dim")), width, 9)]


def why_lines(item: Item, run: AdviceRun | None, width: int, glyphs: Glyphs) -> list[Line]:
    """What was tried and rejected, for this recommendation and in the whole run."""
    lines: list[Line] = wrap(((item.title, "strong"),), width)
    recommendation = item.recommendation
    if recommendation is not None:
        lines += [(), heading("Why", "", width, glyphs), *bullets(recommendation.evidence.notes, width, "-")]
        lines += [(), heading("Why not something else", "", width, glyphs)]
        lines += bullets(recommendation.why_not, width, "-") or [(("no other candidate was left to compare", "dim"),)]
        if recommendation.evidence.would_change:
            lines += [(), heading("What would change the verdict", "", width, glyphs)]
            lines += bullets(recommendation.evidence.would_change, width, "-")
    return [*lines, *run_lines(run, width, glyphs)]


def run_lines(run: AdviceRun | None, width: int, glyphs: Glyphs) -> list[Line]:
    """The last run of the advisor as a whole: gain against bytes, what it rejected, how true the lab is."""
    if run is None:
        return []
    lines: list[Line] = []
    if len(run.curve) > 1:
        within = f" within {figures.octets(run.budget_bytes)}" if run.budget_bytes is not None else ""
        detail = f"no set{within} saves more than {figures.percent(run.bound)}; this one {figures.percent(run.gain)}"
        lines += [(), heading("Gain against bytes", detail, width, glyphs), *curve_lines(run.curve, width, glyphs)]
    if run.why_not:
        lines += [(), heading("Rejected in the last run", "", width, glyphs), *bullets(run.why_not, width, "-")]
    lines += _fidelity_lines(run.fidelity, width, glyphs)
    if run.unplanned:
        lines += [(), heading("Statements that could not be judged", "", width, glyphs)]
        lines += bullets(run.unplanned, width, "-")
    if run.not_modelled:
        lines += [(), heading("Not modelled in the lab", "", width, glyphs), *bullets(run.not_modelled, width, "-")]
    return lines


def _fidelity_lines(checked: tuple[Fidelity, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """The target's own plain EXPLAIN of each statement against the lab's."""
    if not checked:
        return []
    compared = [one for one in checked if not one.error]
    same = sum(one.same_shape for one in compared)
    detail = f"{same} of {len(compared)} plans as on the target"
    lines: list[Line] = [(), heading("Is the lab true", detail, width, glyphs)]
    for one in sorted(checked, key=lambda each: (not each.error, each.same_shape, -each.cost_error)):
        good = not one.error and one.same_shape and one.cost_error <= TRUE_COST
        word = "not compared" if one.error else "same plan" if one.same_shape else "other plan"
        error = f"{one.cost_error:>7.1%}  " if not one.error else " " * 9
        text = one.error if one.error else " ".join(one.text[:500].split())
        lines += wrap(((error, ""), (f"{word:<13}", "good" if good else "warn"), (text, "dim")), width, 22)[:2]
    return lines


def _change_lines(change: Change, measured: tuple[str, ...], width: int, glyphs: Glyphs) -> list[Line]:
    word, role = _WORDS[change.state]
    if change.waits_for:
        word, role = f"{word}: {change.waits_for}", "warn"
    lines: list[Line] = [(), heading("Change", change.id, width, glyphs)]
    lines += labelled("state", word, width, role=role)
    if change.approved_by:
        lines += labelled("approved", f"by {change.approved_by}, {local_stamp(change.approved_at)}", width)
    if change.updated_at:
        lines += labelled("since", local_stamp(change.updated_at), width)
    if change.detail.get("auto_undo"):
        lines += labelled("undo", "by itself, when a statement becomes significantly worse", width)
    cautions = tuple(str(told) for told in change.detail.get("cautions", ()))
    if cautions and change.state in (ChangeState.PROPOSED, *MAY_APPLY):
        lines += [(), heading("Know before it runs", "", width, glyphs), *bullets(cautions, width, "-", "warn")]
    if change.state is ChangeState.APPROVED and change.by_hand:
        lines += labelled("next", "A says that you have done it: then it is looked whether it is in force", width)
        if change.detail.get("intent_at"):
            lines += labelled("looked", f"not in force yet: {change.detail.get('result', '')}", width, role="warn")
    if change.waits_for and change.state is ChangeState.APPLIED:
        lines += labelled("next", "It is measured from the restart on; u takes it back before", width)
    if because := change.detail.get("withdrawn_because"):
        lines += labelled("because", str(because), width)
    for label in ("verdict", "error"):
        value = change.detail.get(label)
        if isinstance(value, str) and value:
            lines += labelled(label, value, width, role="bad" if label == "error" else "strong")
    for sentence in measured:
        lines += labelled("measured", sentence, width, role="good")
    return lines
