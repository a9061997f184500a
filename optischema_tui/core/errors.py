"""Every failure a person can meet, as one clear sentence.

    OptischemaError
     +- UsageError            2  the words of the call are wrong
     |   +- ConfigError       2  the config file or a profile is wrong
     +- TargetError           3  the server cannot be reached or was lost
     |   +- AuthError         3  the server refused the login
     |   +- ServerLost        3  the connection broke in mid-work; trying again may help
     +- MissingPart           4  a privilege, an extension or a setting is missing on the server
     +- ChangeRefused         5  a change was not begun: read-only, preflight, approval, lock
     +- ChangeFailed          5  a change was begun and did not succeed; the state says what is left
     +- LabError              6  the lab cannot be built or cannot plan
     |   +- PlanFailed        6  one statement cannot be planned; the lab itself is well
     +- StorageError          7  history or audit cannot be written or read

The number is the exit code of the headless twin. Exit code 1 means: it ran, and what it looked for is not well
(a broken audit chain, plans that differ, a preflight that blocks).
"""

from __future__ import annotations

from collections.abc import Sequence


class OptischemaError(Exception):
    """A failure told in up to three parts: what happened, why, and what to do next. Plain text, never markup."""

    exit_code = 1

    def __init__(self, what: str, why: str = "", todo: str = "") -> None:
        self.what = what
        self.why = why
        self.todo = todo
        super().__init__(what)

    @property
    def sentence(self) -> str:
        """The parts joined into readable text, one line."""
        return " ".join(part if part.endswith((".", "!", "?", ":", ";")) else part + "." for part in self.parts)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in (self.what, self.why, self.todo) if part.strip())

    def __str__(self) -> str:
        return self.sentence


class UsageError(OptischemaError):
    exit_code = 2


class ConfigError(UsageError):
    pass


class TargetError(OptischemaError):
    exit_code = 3


class AuthError(TargetError):
    pass


class ServerLost(TargetError):
    pass


class NoFreeConnection(TargetError):
    pass


class MissingPart(OptischemaError):
    exit_code = 4


class ChangeRefused(OptischemaError):
    exit_code = 5


class ChangeFailed(OptischemaError):
    exit_code = 5


class LabError(OptischemaError):
    exit_code = 6


class PlanFailed(LabError):
    pass


class StorageError(OptischemaError):
    exit_code = 7


def few_sentences(problems: Sequence[OptischemaError], most: int = 3) -> tuple[str, ...]:
    """The first `most` of several failures, and how many there are beside them: a screen has no room for hundreds."""
    told = [problem.sentence for problem in problems[:most]]
    more = len(problems) - most
    return (
        (*told, f"And {more} more like these: every command without a screen tells all.") if more > 0 else tuple(told)
    )
