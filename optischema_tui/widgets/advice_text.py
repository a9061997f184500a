"""A recommendation or a change as lines: the evidence, the exact SQL and its inverse, what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import Change, ChangeState, Recommendation, Risk
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs, bar
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.sections import bullets, heading, labelled
from optischema_tui.widgets.sql_view import sql_lines

MAY_APPLY = frozenset({ChangeState.APPROVED, ChangeState.PREFLIGHT})
MAY_KEEP = frozenset({ChangeState.VERIFYING, ChangeState.NEEDS_ATTENTION})
MAY_UNDO = frozenset({ChangeState.APPLIED, ChangeState.KEPT}) | MAY_KEEP
SETTLED = frozenset({ChangeState.ROLLED_BACK, ChangeState.FAILED_CLEAN, ChangeState.KEPT})
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
}
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
    return ("new", "strong") if item.change is None else _WORDS[item.change.state]


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
    lines += [(), heading("SQL", "runs exactly as it stands here", width, glyphs), *sql_lines(item.forward_sql, width)]
    lines += [(), heading("Undo", "", width, glyphs), *sql_lines(item.inverse_sql, width)]
    if item.recommendation is not None:
        lines += _proof_lines(item.recommendation, width, glyphs)
    return lines


def _proof_lines(recommendation: Recommendation, width: int, glyphs: Glyphs) -> list[Line]:
    evidence = recommendation.evidence
    risk = recommendation.risk
    lines: list[Line] = [(), heading("Proof", evidence.planner, width, glyphs)]
    cost = f"{figures.count(evidence.cost_before)} {glyphs.arrow} {figures.count(evidence.cost_after)}"
    lines += labelled("cost", f"{cost}   {evidence.gain:.1f}x less in the planner's units", width)
    lines += labelled("load", f"{figures.percent(evidence.share)} of the measured time is in these statements", width)
    lines += labelled("size", f"about {figures.octets(evidence.size_bytes)}", width)
    lines += labelled("confidence", evidence.confidence, width)
    lines += labelled("risk", str(risk), width, role=RISK_ROLES[risk])
    lines += bullets(recommendation.risk_reasons, width, "  -")
    if evidence.notes:
        lines += [(), heading("Why these columns", "", width, glyphs), *bullets(evidence.notes, width, "-")]
    lines += [(), heading("Statements", f"{len(evidence.affected)} change their plan", width, glyphs)]
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
    return lines


def why_lines(
    item: Item, overall: tuple[str, ...], unplanned: tuple[str, ...], width: int, glyphs: Glyphs
) -> list[Line]:
    """What was tried and rejected, for this recommendation and in the whole run."""
    lines: list[Line] = wrap(((item.title, "strong"),), width)
    recommendation = item.recommendation
    if recommendation is not None:
        lines += [(), heading("Why", "", width, glyphs), *bullets(recommendation.evidence.notes, width, "-")]
        lines += [(), heading("Why not something else", "", width, glyphs)]
        lines += bullets(recommendation.why_not, width, "-") or [(("no other candidate was left to compare", "dim"),)]
    return [*lines, *run_lines(overall, unplanned, width, glyphs)]


def run_lines(overall: tuple[str, ...], unplanned: tuple[str, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """What the last run of the advisor rejected or could not plan."""
    lines: list[Line] = []
    if overall:
        lines += [(), heading("Rejected in the last run", "", width, glyphs), *bullets(overall, width, "-")]
    if unplanned:
        lines += [(), heading("Statements the lab could not plan", "", width, glyphs), *bullets(unplanned, width, "-")]
    return lines


def _change_lines(change: Change, measured: tuple[str, ...], width: int, glyphs: Glyphs) -> list[Line]:
    word, role = _WORDS[change.state]
    lines: list[Line] = [(), heading("Change", change.id, width, glyphs)]
    lines += labelled("state", word, width, role=role)
    if change.approved_by:
        lines += labelled("approved", f"by {change.approved_by}, {local_stamp(change.approved_at)}", width)
    if change.updated_at:
        lines += labelled("since", local_stamp(change.updated_at), width)
    for label in ("verdict", "error"):
        value = change.detail.get(label)
        if isinstance(value, str) and value:
            lines += labelled(label, value, width, role="bad" if label == "error" else "strong")
    for sentence in measured:
        lines += labelled("measured", sentence, width, role="good")
    return lines
