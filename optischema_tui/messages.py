"""What travels between the bridge, the application and the screens.

A `Fact` comes up from the bridge: something is so now. A `Request` goes down from a screen: a person wants something.
Screens post requests and draw `StateChanged`; nobody else touches their widgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import (
    AuditEntry,
    Baseline,
    BuildProgress,
    Change,
    Check,
    Picture,
    Recommendation,
    StatementKey,
)
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.workload.plan import PlanNode

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import VerifyResult
    from optischema_tui.core.baseline.compare import Comparison


class Fact(Message, bubble=False):
    """Something the bridge learnt."""


class Request(Message):
    """Something a person asked for."""


# --- facts ---


@dataclass
class PictureReady(Fact, bubble=False):
    """A tick is drawn. `storage_problem` says why it could not be kept, empty when it was."""

    picture: Picture
    storage_problem: str = ""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PictureReady)


@dataclass
class LinkConnecting(Fact, bubble=False):
    attempt: int


@dataclass
class LinkLive(Fact, bubble=False):
    """The server answers. An empty label and no capabilities mean: as before."""

    label: str
    capabilities: Capabilities | None


@dataclass
class LinkLost(Fact, bubble=False):
    """`retry_at` on the clock's monotonic hand."""

    error: OptischemaError
    retry_at: float


@dataclass
class AdviceStep(Fact, bubble=False):
    what: str
    fraction: float

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, AdviceStep)


@dataclass
class AdviceReady(Fact, bubble=False):
    """A run of the advisor is over. Costs in planner units, `seconds` of wall clock."""

    why_not: tuple[str, ...]
    unplanned: tuple[str, ...]
    summary: str


@dataclass
class AdviceFailed(Fact, bubble=False):
    error: OptischemaError


@dataclass
class LedgerReady(Fact, bubble=False):
    """Recommendations that wait and changes, newest first. `figures`: change id -> before/after sentences."""

    recommendations: tuple[Recommendation, ...]
    changes: tuple[Change, ...]
    figures: dict[str, tuple[str, ...]]


@dataclass
class RunBegan(Fact, bubble=False):
    """A preflight begins; the change it is for is known."""

    change: Change
    undo: bool


@dataclass
class RunChecked(Fact, bubble=False):
    check: Check


@dataclass
class RunReady(Fact, bubble=False):
    """Every line of the preflight stands; `blocked` when one of them forbids the run."""

    blocked: bool


@dataclass
class RunStarted(Fact, bubble=False):
    """The person confirmed; the checks run once more, then the statement."""


@dataclass
class RunTick(Fact, bubble=False):
    progress: BuildProgress

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunTick)


@dataclass
class RunDone(Fact, bubble=False):
    change: Change


@dataclass
class RunFailed(Fact, bubble=False):
    error: OptischemaError


@dataclass
class PlanReady(Fact, bubble=False):
    key: StatementKey
    plan: PlanNode | None
    error: OptischemaError | None = None


@dataclass
class AuditReady(Fact, bubble=False):
    """Newest entry first."""

    entries: tuple[AuditEntry, ...]
    verdict: VerifyResult
    verified_at: float


@dataclass
class BaselinesReady(Fact, bubble=False):
    baselines: tuple[Baseline, ...]


@dataclass
class ComparisonReady(Fact, bubble=False):
    first: str
    second: str
    comparison: Comparison


@dataclass
class Told(Fact, bubble=False):
    """A sentence for the person: a job's end or its failure. `severity` as Textual names it."""

    sentence: str
    severity: str = "information"


@dataclass
class Reconciled(Fact, bubble=False):
    """What was found of changes that an earlier run of the program had begun."""

    sentences: tuple[str, ...]


@dataclass
class PollChanged(Fact, bubble=False):
    """Seconds between polls, and whether polling pauses."""

    interval: float
    paused: bool


# --- requests: the bridge answers them ---


@dataclass
class Poll(Request):
    pass


@dataclass
class Pause(Request):
    paused: bool


@dataclass
class SetInterval(Request):
    seconds: float


@dataclass
class Advise(Request):
    pass


@dataclass
class LoadLedger(Request):
    pass


@dataclass
class Approve(Request):
    recommendation_id: str


@dataclass
class Dismiss(Request):
    recommendation_id: str
    reason: str


@dataclass
class Preflight(Request):
    change_id: str
    undo: bool = False


@dataclass
class Run(Request):
    change_id: str
    undo: bool = False


@dataclass
class CancelRun(Request):
    pass


@dataclass
class WantPlan(Request):
    key: StatementKey
    sql: str


@dataclass
class LoadAudit(Request):
    pass


@dataclass
class LoadBaselines(Request):
    pass


@dataclass
class CreateBaseline(Request):
    name: str
    minutes: float


@dataclass
class CompareBaselines(Request):
    """`second` None: the last `minutes` of history."""

    first: str
    second: str | None
    minutes: float


# --- requests: the application answers them with a screen of its own ---


@dataclass
class OpenQuery(Request):
    key: StatementKey


@dataclass
class OpenRun(Request):
    """Show the change's preflight and ask for the confirmation."""

    change_id: str
    undo: bool


@dataclass
class AskDismiss(Request):
    recommendation_id: str
    title: str


@dataclass
class AskBaseline(Request):
    pass


@dataclass
class GoTo(Request):
    """Bring a screen to the front, by its name in `actions.SCREENS`."""

    screen: str


@dataclass
class ShowHelp(Request):
    screen: str


@dataclass
class QuitAsked(Request):
    pass


@dataclass
class CopyText(Request):
    """Send `text` to the terminal's clipboard; `what` names it in the answer."""

    text: str
    what: str


@dataclass
class ExportScreen(Request):
    """Write a screen to files: `text` as it stands, `value` as JSON."""

    screen: str
    text: str
    value: object


# --- to the screen in front ---


class StateChanged(Message, bubble=False):
    """The application's state is another one; draw it."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StateChanged)
