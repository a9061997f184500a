"""What a person may want: the messages that go down from a screen, see `messages`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from optischema_tui.core.models import StatementKey


class Request(Message):
    """Something a person asked for."""


# --- requests: the bridge answers them ---


class Poll(Request):
    pass


@dataclass(eq=False, repr=False)
class Pause(Request):
    paused: bool


@dataclass(eq=False, repr=False)
class SetInterval(Request):
    seconds: float


@dataclass(eq=False, repr=False)
class Seek(Request):
    """Stand at the stored interval that ends at this moment or last before it. Seconds since 1970."""

    at: float


@dataclass(eq=False, repr=False)
class StepPast(Request):
    """Go `step` stored intervals on, negative: back. From the present, -1 is the last interval stored."""

    step: int


class GoLive(Request):
    pass


@dataclass(eq=False, repr=False)
class ToggleFilter(Request):
    """Show the statements that this reason hides, or hide them again."""

    reason: str


class Doctor(Request):
    """Test again what this role may do on this server."""


@dataclass(eq=False, repr=False)
class UsePassword(Request):
    """Try again with the password that the person typed."""

    password: str


@dataclass(eq=False, repr=False)
class Advise(Request):
    """`budget_bytes` bounds the recommended indexes together; None: no bound."""

    budget_bytes: int | None = None


class StopAdvice(Request):
    """End the advisor's search and keep the best set found so far."""


class AskBudget(Request):
    """Ask for a budget, then advise within it."""


@dataclass(eq=False, repr=False)
class SecondOpinion(Request):
    """Ask the target's own planner, with HypoPG, what it makes of a recommendation."""

    recommendation_id: str


class LoadLedger(Request):
    pass


@dataclass(eq=False, repr=False)
class Approve(Request):
    """`wanted`: the id of a recommendation or of a change. `auto_undo`: it takes itself back when it does harm."""

    wanted: str
    auto_undo: bool = False


@dataclass(eq=False, repr=False)
class Propose(Request):
    """Make a proposed change of a statement that the person has written."""

    sql: str


@dataclass(eq=False, repr=False)
class Dismiss(Request):
    recommendation_id: str
    reason: str


@dataclass(eq=False, repr=False)
class Withdraw(Request):
    """Take a change back of which nothing is on the server."""

    change_id: str
    reason: str


@dataclass(eq=False, repr=False)
class Keep(Request):
    """A person's own decision on a change that is measured, or was judged to need attention."""

    change_id: str
    reason: str


@dataclass(eq=False, repr=False)
class Preflight(Request):
    """`more`: the changes that are to follow the first one, in order."""

    change_id: str
    undo: bool = False
    more: tuple[str, ...] = ()


@dataclass(eq=False, repr=False)
class Run(Request):
    """`typed`: what the person has typed for changes that nothing undoes."""

    change_id: str
    undo: bool = False
    more: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()


class CancelRun(Request):
    pass


@dataclass(eq=False, repr=False)
class WantPlan(Request):
    key: StatementKey
    sql: str


@dataclass(eq=False, repr=False)
class LoadAudit(Request):
    """Read the journal and verify it; `asked`: a person has asked for it, which is an entry of the journal itself."""

    asked: bool = False


@dataclass(eq=False, repr=False)
class LoadStory(Request):
    """Everything that the journal tells of one change."""

    change_id: str


class LoadBaselines(Request):
    pass


@dataclass(eq=False, repr=False)
class CreateBaseline(Request):
    """Keep the window from `since` to `until`, seconds since 1970, under a name."""

    name: str
    since: float
    until: float


@dataclass(eq=False, repr=False)
class DeleteBaseline(Request):
    name: str


@dataclass(eq=False, repr=False)
class CompareBaselines(Request):
    """`second` None: what was from `since` to `until` (None: now), seconds since 1970. `label` names that side."""

    first: str
    second: str | None
    label: str
    since: float = 0.0
    until: float | None = None


# --- requests: the application answers them with a screen of its own ---


@dataclass(eq=False, repr=False)
class OpenQuery(Request):
    key: StatementKey


@dataclass(eq=False, repr=False)
class OpenRun(Request):
    """Show the preflight of the change, and of those that follow it, and ask for the confirmation."""

    change_id: str
    undo: bool
    more: tuple[str, ...] = ()


@dataclass(eq=False, repr=False)
class AskDismiss(Request):
    recommendation_id: str
    title: str


@dataclass(eq=False, repr=False)
class AskWithdraw(Request):
    change_id: str
    title: str


@dataclass(eq=False, repr=False)
class AskKeep(Request):
    change_id: str
    title: str


class AskChange(Request):
    """Have a person write the statement of a change."""


class AskMoment(Request):
    """Ask for the moment to stand at."""


class ShowFilters(Request):
    """Show what is kept out of sight, each reason with its switch."""


class SwitchTarget(Request):
    """Leave this target and choose another."""


@dataclass(eq=False, repr=False)
class AskTarget(Request):
    """Ask for the words of a target."""


@dataclass(eq=False, repr=False)
class TargetChosen(Request):
    """Open this target: a profile's name, service=NAME or a connection string."""

    words: str


@dataclass(eq=False, repr=False)
class GoTo(Request):
    """Bring a screen to the front, by its name in `actions.SCREENS`."""

    screen: str


@dataclass(eq=False, repr=False)
class ShowHelp(Request):
    screen: str


class BannerRead(Request):
    """The person has read what became of an earlier session's changes."""


class QuitAsked(Request):
    pass


@dataclass(eq=False, repr=False)
class CopyText(Request):
    """Send `text` to the terminal's clipboard; `what` names it in the answer."""

    text: str
    what: str


@dataclass(eq=False, repr=False)
class ExportScreen(Request):
    """Write a screen to files: `text` as it stands, `value` as JSON."""

    screen: str
    text: str
    value: object
