"""A change out of a statement that a person has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optischema_tui.core.change.approval import begin, drafted
from optischema_tui.core.change.kinds.kind import Draft
from optischema_tui.core.change.kinds.registry import NAMES, kind_of
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, TargetIdentity
from optischema_tui.core.target.session import identify, map_error, open_session
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

LONGEST = 20_000
ACCEPTED = (
    "CREATE INDEX, DROP INDEX, REINDEX, ANALYZE, VACUUM, CREATE STATISTICS, DROP STATISTICS, "
    "ALTER TABLE .. SET/RESET (..), ALTER SYSTEM, ALTER DATABASE .. SET, ALTER ROLE .. SET"
)


def propose_written(journal: Journal, spec: TargetSpec, sql: str, *, clock: Clock = SYSTEM) -> Change:
    """A new change, in state `proposed`, that does what `sql` says, with the way back as the server stands now.

    The statements are written anew from what was understood: nothing of `sql` itself is sent. Reads the server only.
    Raises ChangeRefused when no kind of change takes `sql`, or its kind does not carry it out; TargetError.
    """
    draft, identity = _drafted(spec, sql)
    return begin(journal, drafted(draft, identity, spec.dsn, clock))


def _drafted(spec: TargetSpec, sql: str) -> tuple[Draft, TargetIdentity]:
    import psycopg

    words = Words(sql)
    if words.ended or len(sql) > LONGEST:
        raise ChangeRefused("There is no statement to propose", todo=f"Write one of: {ACCEPTED}")
    if not words.whole:
        raise ChangeRefused("This is not one whole statement", todo="Write one statement, and close its quotes")
    with open_session(spec) as connection:
        try:
            for name in NAMES:
                draft = kind_of(name).draft(connection, sql)
                if draft is not None:
                    return draft, identify(connection, spec.label)
        except psycopg.Error as error:
            raise map_error(error, spec) from error
    raise ChangeRefused(
        "No kind of change that is carried out here is written so",
        "It is none of those known",
        f"Write one of: {ACCEPTED}",
    )
