"""What travels between the bridge, the application and the screens.

A `Fact` comes up from the bridge: something is so now. A `Request` (they stand in `requests`) goes down from a screen:
a person wants something. Screens post requests and draw `StateChanged`; nobody else touches their widgets. Messages are
neither compared nor printed, and each method that a dataclass does not make is time to the first frame; one without
fields is a plain class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from optischema_tui.core.errors import OptischemaError
from optischema_tui.requests import Advise as Advise
from optischema_tui.requests import Approve as Approve
from optischema_tui.requests import AskBudget as AskBudget
from optischema_tui.requests import AskChange as AskChange
from optischema_tui.requests import AskDismiss as AskDismiss
from optischema_tui.requests import AskKeep as AskKeep
from optischema_tui.requests import AskMoment as AskMoment
from optischema_tui.requests import AskTarget as AskTarget
from optischema_tui.requests import AskWithdraw as AskWithdraw
from optischema_tui.requests import BannerRead as BannerRead
from optischema_tui.requests import CancelRun as CancelRun
from optischema_tui.requests import CompareBaselines as CompareBaselines
from optischema_tui.requests import CopyText as CopyText
from optischema_tui.requests import CreateBaseline as CreateBaseline
from optischema_tui.requests import DeleteBaseline as DeleteBaseline
from optischema_tui.requests import Dismiss as Dismiss
from optischema_tui.requests import Doctor as Doctor
from optischema_tui.requests import ExportScreen as ExportScreen
from optischema_tui.requests import GoLive as GoLive
from optischema_tui.requests import GoTo as GoTo
from optischema_tui.requests import Keep as Keep
from optischema_tui.requests import LoadAudit as LoadAudit
from optischema_tui.requests import LoadBaselines as LoadBaselines
from optischema_tui.requests import LoadLedger as LoadLedger
from optischema_tui.requests import LoadStory as LoadStory
from optischema_tui.requests import OpenQuery as OpenQuery
from optischema_tui.requests import OpenRun as OpenRun
from optischema_tui.requests import Pause as Pause
from optischema_tui.requests import Poll as Poll
from optischema_tui.requests import Preflight as Preflight
from optischema_tui.requests import Propose as Propose
from optischema_tui.requests import QuitAsked as QuitAsked
from optischema_tui.requests import Request as Request
from optischema_tui.requests import Run as Run
from optischema_tui.requests import SecondOpinion as SecondOpinion
from optischema_tui.requests import Seek as Seek
from optischema_tui.requests import SetInterval as SetInterval
from optischema_tui.requests import ShowFilters as ShowFilters
from optischema_tui.requests import ShowHelp as ShowHelp
from optischema_tui.requests import StepPast as StepPast
from optischema_tui.requests import StopAdvice as StopAdvice
from optischema_tui.requests import SwitchTarget as SwitchTarget
from optischema_tui.requests import TargetChosen as TargetChosen
from optischema_tui.requests import ToggleFilter as ToggleFilter
from optischema_tui.requests import UsePassword as UsePassword
from optischema_tui.requests import WantPlan as WantPlan
from optischema_tui.requests import Withdraw as Withdraw

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
    from optischema_tui.state import Past


class Fact(Message, bubble=False):
    """Something the bridge learnt."""


# --- facts ---


@dataclass(eq=False, repr=False)
class PictureReady(Fact, bubble=False):
    """A tick is drawn. `storage_problem` says why it could not be kept, empty when it was."""

    picture: Picture
    storage_problem: str = ""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PictureReady)


@dataclass(eq=False, repr=False)
class ActivityReady(Fact, bubble=False):
    """The sessions of one moment, and the waits of the stretch before it, oldest first."""

    sample: ActivitySample
    waits: tuple[WaitPoint, ...]

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ActivityReady)


@dataclass(eq=False, repr=False)
class ReadingReady(Fact, bubble=False):
    """A query family was read, or says in `reading.problem` why not.

    `before`: an earlier reading of the same epoch to take rates from; None when there is none.
    """

    reading: Reading
    before: Reading | None

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ReadingReady) and message.reading.family == self.reading.family


@dataclass(eq=False, repr=False)
class PastReady(Fact, bubble=False):
    """The screens stand at a moment of history from now on."""

    past: Past

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PastReady)


@dataclass(eq=False, repr=False)
class PastFailed(Fact, bubble=False):
    """The moment asked for cannot be shown; the screens stay where they are."""

    error: OptischemaError


class WentLive(Fact, bubble=False):
    """The screens show the present again."""


@dataclass(eq=False, repr=False)
class SpanKnown(Fact, bubble=False):
    """What history holds of this target: seconds since 1970 of its first and its last tick."""

    first: float
    last: float


@dataclass(eq=False, repr=False)
class Following(Fact, bubble=False):
    """Another program collects and we read what it writes; `who` names it. Empty: we collect ourselves."""

    who: str


@dataclass(eq=False, repr=False)
class FiltersChanged(Fact, bubble=False):
    """The reasons of `core.workload.filter` whose statements are shown."""

    shown: frozenset[str]


@dataclass(eq=False, repr=False)
class Doctored(Fact, bubble=False):
    """What this role may do was tested anew."""

    capabilities: Capabilities
    identity: TargetIdentity


@dataclass(eq=False, repr=False)
class LinkConnecting(Fact, bubble=False):
    attempt: int


@dataclass(eq=False, repr=False)
class LinkLive(Fact, bubble=False):
    """The server answers. An empty label and no capabilities mean: as before."""

    label: str
    capabilities: Capabilities | None


@dataclass(eq=False, repr=False)
class LinkLost(Fact, bubble=False):
    """`retry_at` on the clock's monotonic hand."""

    error: OptischemaError
    retry_at: float


@dataclass(eq=False, repr=False)
class AdviceStep(Fact, bubble=False):
    what: str
    fraction: float

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, AdviceStep)


@dataclass(eq=False, repr=False)
class AdviceReady(Fact, bubble=False):
    """A run of the advisor is over."""

    run: AdviceRun


@dataclass(eq=False, repr=False)
class AdviceFailed(Fact, bubble=False):
    error: OptischemaError


@dataclass(eq=False, repr=False)
class LedgerReady(Fact, bubble=False):
    """Recommendations that wait and changes, newest first. `figures`: change id -> before/after sentences."""

    recommendations: tuple[Recommendation, ...]
    changes: tuple[Change, ...]
    figures: dict[str, tuple[str, ...]]


class Proposing(Fact, bubble=False):
    """A statement that the person has written is being read."""


@dataclass(eq=False, repr=False)
class Proposed(Fact, bubble=False):
    """The change that a written statement was made into, or why it was not."""

    written: Change | OptischemaError


@dataclass(eq=False, repr=False)
class RunBegan(Fact, bubble=False):
    """A preflight begins; the change it is for is known, and those after it when there are several."""

    change: Change
    undo: bool
    more: tuple[Change, ...] = ()


@dataclass(eq=False, repr=False)
class RunAt(Fact, bubble=False):
    """The facts of a run are about the change at this place from now on, the first being 0."""

    place: int


@dataclass(eq=False, repr=False)
class RunChecked(Fact, bubble=False):
    check: Check


@dataclass(eq=False, repr=False)
class RunReady(Fact, bubble=False):
    """Every line of the preflight stands; `blocked` when one of them forbids the run."""

    blocked: bool


class RunStarted(Fact, bubble=False):
    """The person confirmed; the checks run once more, then the statement."""


@dataclass(eq=False, repr=False)
class RunTick(Fact, bubble=False):
    progress: BuildProgress

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunTick)


@dataclass(eq=False, repr=False)
class RunDone(Fact, bubble=False):
    change: Change


@dataclass(eq=False, repr=False)
class RunFailed(Fact, bubble=False):
    error: OptischemaError


@dataclass(eq=False, repr=False)
class PlanReady(Fact, bubble=False):
    key: StatementKey
    plan: PlanNode | None
    error: OptischemaError | None = None


@dataclass(eq=False, repr=False)
class AuditReady(Fact, bubble=False):
    """Newest entry first."""

    entries: tuple[AuditEntry, ...]
    verdict: VerifyResult
    verified_at: float


@dataclass(eq=False, repr=False)
class StoryReady(Fact, bubble=False):
    story: Story


@dataclass(eq=False, repr=False)
class LoadFailed(Fact, bubble=False):
    """What a screen asked for cannot be read."""

    view: str
    """The screen's name in the action registry."""
    error: OptischemaError


@dataclass(eq=False, repr=False)
class BaselinesReady(Fact, bubble=False):
    baselines: tuple[Baseline, ...]


@dataclass(eq=False, repr=False)
class BaselineMade(Fact, bubble=False):
    """The baseline that was asked for, or why there is none."""

    made: Baseline | OptischemaError


@dataclass(eq=False, repr=False)
class ComparisonReady(Fact, bubble=False):
    """What the two are called, and how they compare, or why that cannot be said."""

    first: str
    second: str
    comparison: Comparison | OptischemaError


@dataclass(eq=False, repr=False)
class Told(Fact, bubble=False):
    """A sentence for the person: a job's end or its failure. `severity` as Textual names it."""

    sentence: str
    severity: str = "information"
    bell: bool = False


@dataclass(eq=False, repr=False)
class Reconciled(Fact, bubble=False):
    """What was found of changes that an earlier run of the program had begun."""

    sentences: tuple[str, ...]


@dataclass(eq=False, repr=False)
class PollChanged(Fact, bubble=False):
    """Seconds between polls, and whether polling pauses."""

    interval: float
    paused: bool


# --- to the screen in front ---


class StateChanged(Message, bubble=False):
    """The application's state is another one; draw it."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StateChanged)
