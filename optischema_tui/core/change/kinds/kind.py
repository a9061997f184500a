"""What a kind of change says and does. Each is a module of this folder, and the module itself is the `Kind`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from optischema_tui.core.models import Change, Check

if TYPE_CHECKING:
    import psycopg

    from optischema_tui.core.change.checks import Facts
    from optischema_tui.core.change.ledger import Ledger

SEPARATOR = ";\n"
"""Between two statements of a change, in `forward_sql` and `inverse_sql`."""


class Outcome(StrEnum):
    """What the server shows of a change, nobody being at work on it."""

    DONE = "done"
    NOT_DONE = "not done"
    NOT_YET = "not yet"
    """It waits for a person, who does it elsewhere; nothing has failed."""
    PART = "partly done"
    """Some of its statements are done and whole; it can be carried on with, or rolled back."""
    HALF = "half done"
    """A statement left something broken, such as an invalid index: `cleanup` names what removes it."""
    CONFLICT = "conflict"
    """Somebody else has changed what it was approved for."""


class Measured(StrEnum):
    """Whose execution times tell whether a change has helped."""

    STATEMENTS = "statements"
    """Those that its evidence names."""
    TABLE = "table"
    """Those that read or write its table."""
    TARGET = "target"
    """All of the target."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that is written but not proposed yet."""

    kind: str
    title: str
    subject: str
    """What is changed, as the SQL names it."""
    steps: tuple[str, ...]
    """The exact statements, without a stop."""
    undo: tuple[str, ...]
    """The exact statements of the way back; empty when there is none."""
    schema: str = ""
    table: str = ""
    index_name: str = ""
    cautions: tuple[str, ...] = ()
    """What a person should know before approving, one sentence each."""
    detail: dict[str, Any] = field(default_factory=dict)
    """JSON values that the kind wants to find in the change."""


class Kind(Protocol):
    """The parts of a kind. Driver errors pass through all of them."""

    NAME: str
    """As it stands in `Change.kind` and in a policy."""
    LOCK_DATABASE: str
    """Where the advisory lock is taken: '' is the change's own database, since such locks are of one database."""
    MEASURED: Measured

    def lock_key(self, change: Change) -> str:
        """Changes with equal keys exclude each other, whoever makes them."""

    def draft(self, connection: psycopg.Connection[Any], sql: str) -> Draft | None:
        """The change that a person has written as `sql`, with its way back as the server stands now; None when
        `sql` is of another kind. Reads only. Raises ChangeRefused, with the reason, when it is of this kind and
        not carried out."""

    def preflight(self, facts: Facts) -> Iterator[Check]:
        """The lines of its own; ends early where the next ones would have nothing to look at."""

    def pre_image(self, connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
        """What goes into the intent and the change's detail: how things were, as JSON values."""

    def remaining(self, connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
        """Those of `change.steps` that the server does not show as done, in order."""

    def outcome(
        self, connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False
    ) -> tuple[Outcome, str]:
        """How the change stands on the server, and the reason as one sentence. `just_ran`: this very session has sent
        all its statements, and none failed."""

    def cleanup(self, connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
        """Statements that remove what is broken of it; they are approved with the change."""

    def verify(self, connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
        """Move an applied change on: to `verifying`, or to `needs_attention` when the server shows no good of it."""

    def inverse(self, change: Change) -> Draft | None:
        """The change that takes it back; None when there is none."""
