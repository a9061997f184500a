"""All that the screens draw, as one immutable value, and the one function that moves it on.

Its parts are told apart by identity: comparing and printing them would be methods that only cost time at the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optischema_tui import messages as m
from optischema_tui.core.errors import MissingPart, OptischemaError

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import VerifyResult
    from optischema_tui.core.audit.story import Story
    from optischema_tui.core.baseline.compare import Comparison
    from optischema_tui.core.models import (
        ActivitySample,
        AdviceRun,
        AuditEntry,
        Baseline,
        BuildProgress,
        Change,
        Check,
        Picture,
        Reading,
        Recommendation,
        StatementKey,
        TargetIdentity,
        WaitPoint,
    )
    from optischema_tui.core.target.capabilities import Capabilities
    from optischema_tui.core.workload.plan import PlanNode


class LinkState(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Link:
    """How we stand with the server."""

    state: LinkState = LinkState.CONNECTING
    attempt: int = 1
    error: OptischemaError | None = None
    """The last failure, kept while trying again; None once live."""
    retry_at: float = 0.0
    """Monotonic seconds of the next attempt."""


class Stage(StrEnum):
    CHECKING = "checking"
    BLOCKED = "blocked"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Part:
    """One change of a run."""

    change: Change
    stage: Stage = Stage.CHECKING
    checks: tuple[Check, ...] = ()
    progress: BuildProgress | None = None
    """The last that was seen."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChangeRun:
    """One change, or several in order, on the way through preflight and execution."""

    parts: tuple[Part, ...]
    undo: bool
    at: int = 0
    """The part that is checked or runs now, or at which it ended."""
    stage: Stage = Stage.CHECKING
    """Of the whole."""
    error: OptischemaError | None = None

    @property
    def change(self) -> Change:
        return self.parts[self.at].change

    @property
    def progress(self) -> BuildProgress | None:
        return self.parts[self.at].progress

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(part.change.id for part in self.parts)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanAnswer:
    plan: PlanNode | None
    error: OptischemaError | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sight:
    """What was collected of the server, as of one moment."""

    picture: Picture | None = None
    activity: ActivitySample | None = None
    waits: tuple[WaitPoint, ...] = ()
    """Oldest first."""
    readings: Mapping[str, tuple[Reading, Reading | None]] = field(default_factory=dict)
    """By family: the reading, and an earlier one of the same epoch to take rates from."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Past:
    """A moment of history that the screens stand at."""

    at: float
    """End of the interval shown, seconds since 1970."""
    sight: Sight
    note: str = ""
    """What history does not hold of it, or how coarse it is; a sentence or empty."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class State:
    label: str
    allow_changes: bool
    interval: float
    paused: bool = False
    live: Sight = Sight()
    """Moves on also while the screens stand in the past."""
    past: Past | None = None
    """None: the screens show the present."""
    span: tuple[float, float] | None = None
    """The first and the last moment that history holds of this target; None until told."""
    shown_filters: frozenset[str] = frozenset()
    following: str = ""
    """Who collects for us; empty when we do."""
    identity: TargetIdentity | None = None
    """Of the server that was tested last."""
    storage_problem: str = ""
    link: Link = Link()
    capabilities: Capabilities | None = None
    advising: tuple[str, float] | None = None
    """(step, 0-1) while the advisor runs."""
    advice_error: OptischemaError | None = None
    advice: AdviceRun | None = None
    """The last run of the advisor in this session."""
    recommendations: tuple[Recommendation, ...] = ()
    changes: tuple[Change, ...] = ()
    figures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ledger_loaded: bool = False
    run: ChangeRun | None = None
    plans: Mapping[StatementKey, PlanAnswer] = field(default_factory=dict)
    entries: tuple[AuditEntry, ...] = ()
    verdict: VerifyResult | None = None
    verified_at: float = 0.0
    story: Story | None = None
    """Of the change that was asked for last."""
    baselines: tuple[Baseline, ...] | None = None
    made: Baseline | OptischemaError | None = None
    """The baseline that was asked for last, or why there is none."""
    comparison: tuple[str, str, Comparison | OptischemaError] | None = None
    reconciled: tuple[str, ...] = ()
    writing: bool = False
    """A statement that the person has written is being made a change of."""
    written: Change | OptischemaError | None = None
    """What became of it: the proposed change, or the reason why there is none."""
    unread: Mapping[str, OptischemaError] = field(default_factory=dict)
    """Why a screen, by its name, could not be given what it shows."""

    @property
    def sight(self) -> Sight:
        """What to draw: the present, or the past that the screens stand at."""
        return self.past.sight if self.past is not None else self.live

    @property
    def picture(self) -> Picture | None:
        return self.sight.picture

    @property
    def activity(self) -> ActivitySample | None:
        return self.sight.activity

    @property
    def waits(self) -> tuple[WaitPoint, ...]:
        return self.sight.waits

    @property
    def readings(self) -> Mapping[str, tuple[Reading, Reading | None]]:
        return self.sight.readings

    @property
    def fingerprint(self) -> str:
        return self.picture.target.fingerprint if self.picture is not None else ""

    @property
    def missing(self) -> OptischemaError | None:
        """Why there can be no statements on screen, with the lines that would change it; None when there can be."""
        if self.past is not None:
            return None
        if self.capabilities is not None and self.capabilities.has("statements"):
            part = self.capabilities.part("statements")
            return None if part.available else MissingPart(part.reason, todo=part.remedy)
        error = self.link.error
        return error if isinstance(error, MissingPart) and self.live.picture is None else None

    @property
    def building(self) -> bool:
        return self.run is not None and self.run.stage is Stage.RUNNING


def fold(state: State, fact: m.Fact) -> State:
    """The state after `fact`."""
    if isinstance(fact, m.RunBegan):
        return replace(state, run=ChangeRun(tuple(Part(change) for change in (fact.change, *fact.more)), fact.undo))
    if state.run is not None and isinstance(
        fact, m.RunAt | m.RunChecked | m.RunReady | m.RunStarted | m.RunTick | m.RunDone | m.RunFailed
    ):
        return replace(state, run=_run(state.run, fact))
    return _observing(state, fact) or _standing(state, fact) or _advising(state, fact) or _keeping(state, fact) or state


def _run(run: ChangeRun, fact: m.Fact) -> ChangeRun:
    part = run.parts[run.at]
    match fact:
        case m.RunAt(place):
            run = replace(run, at=place)
            return _with(run, stage=Stage.RUNNING, checks=()) if run.stage is Stage.RUNNING else run
        case m.RunChecked(check):
            return _with(run, checks=(*part.checks, check))
        case m.RunReady(blocked):
            run = _with(run, stage=Stage.BLOCKED if blocked else Stage.READY)
            stages = {each.stage for each in run.parts}
            whole = next(stage for stage in (Stage.CHECKING, Stage.BLOCKED, Stage.READY) if stage in stages)
            return replace(run, stage=whole)
        case m.RunStarted():
            return _with(replace(run, at=0, stage=Stage.RUNNING, error=None), stage=Stage.RUNNING, checks=())
        case m.RunTick(progress):
            return _with(run, progress=progress)
        case m.RunDone(change):
            last = run.at == len(run.parts) - 1
            return _with(replace(run, stage=Stage.DONE if last else run.stage), stage=Stage.DONE, change=change)
        case m.RunFailed(error):
            return _with(replace(run, stage=Stage.FAILED, error=error), stage=Stage.FAILED)
    return run


def _with(run: ChangeRun, **values: Any) -> ChangeRun:
    """`run` with its present part changed."""
    parts = (*run.parts[: run.at], replace(run.parts[run.at], **values), *run.parts[run.at + 1 :])
    return replace(run, parts=parts)


def _observing(state: State, fact: m.Fact) -> State | None:
    match fact:
        case m.PictureReady(picture, problem):
            return replace(state, live=replace(state.live, picture=picture), storage_problem=problem)
        case m.ActivityReady(sample, waits):
            return replace(state, live=replace(state.live, activity=sample, waits=waits))
        case m.ReadingReady(reading, before):
            readings = {**state.live.readings, reading.family: (reading, before)}
            return replace(state, live=replace(state.live, readings=readings))
        case m.LinkConnecting(attempt):
            return replace(state, link=replace(state.link, state=LinkState.CONNECTING, attempt=attempt))
        case m.LinkLive(label, capabilities):
            link = Link(LinkState.LIVE)
            return replace(
                state, label=label or state.label, link=link, capabilities=capabilities or state.capabilities
            )
        case m.LinkLost(error, retry_at):
            return replace(state, link=Link(LinkState.LOST, state.link.attempt, error, retry_at))
        case m.PollChanged(interval, paused):
            return replace(state, interval=interval, paused=paused)
        case m.PlanReady(key, plan, error):
            return replace(state, plans={**state.plans, key: PlanAnswer(plan, error)})
    return None


def _standing(state: State, fact: m.Fact) -> State | None:
    match fact:
        case m.PastReady(past):
            return replace(state, past=past)
        case m.WentLive():
            return replace(state, past=None)
        case m.SpanKnown(first, last):
            return replace(state, span=(first, last))
        case m.Following(who):
            return replace(state, following=who)
        case m.FiltersChanged(shown):
            return replace(state, shown_filters=shown)
        case m.Doctored(capabilities, identity):
            return replace(_readable(state, "doctor"), capabilities=capabilities, identity=identity)
    return None


def _advising(state: State, fact: m.Fact) -> State | None:
    match fact:
        case m.AdviceStep(what, fraction):
            return replace(state, advising=(what, fraction), advice_error=None)
        case m.AdviceReady(run):
            return replace(state, advising=None, advice=run)
        case m.AdviceFailed(error):
            return replace(state, advising=None, advice_error=error)
        case m.Proposing():
            return replace(state, writing=True, written=None)
        case m.Proposed(written):
            return replace(state, writing=False, written=written)
        case m.LedgerReady(recommendations, changes, figures):
            return replace(
                _readable(state, "optimizations"), recommendations=recommendations, changes=changes, figures=figures,
                ledger_loaded=True, run=_refreshed(state.run, changes),
            )  # fmt: skip
    return None


def _refreshed(run: ChangeRun | None, changes: tuple[Change, ...]) -> ChangeRun | None:
    """A run that is over, with its changes as they stand now."""
    if run is None or run.stage not in (Stage.DONE, Stage.FAILED):
        return run
    now = {change.id: change for change in changes}
    parts = tuple(replace(part, change=now.get(part.change.id, part.change)) for part in run.parts)
    return replace(run, parts=parts)


def _keeping(state: State, fact: m.Fact) -> State | None:
    match fact:
        case m.AuditReady(entries, verdict, verified_at):
            state = _readable(state, "audit")
            return replace(state, entries=entries, verdict=verdict, verified_at=verified_at)
        case m.StoryReady(story):
            return replace(state, story=story)
        case m.BaselinesReady(baselines):
            return replace(_readable(state, "baselines"), baselines=baselines)
        case m.BaselineMade(made):
            return replace(state, made=made)
        case m.LoadFailed(view, error):
            return replace(state, unread={**state.unread, view: error})
        case m.ComparisonReady(first, second, comparison):
            return replace(state, comparison=(first, second, comparison))
        case m.Reconciled(sentences):
            return replace(state, reconciled=sentences)
    return None


def _readable(state: State, view: str) -> State:
    """`state` without the failure of that screen."""
    return replace(state, unread={name: error for name, error in state.unread.items() if name != view})
