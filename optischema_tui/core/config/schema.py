"""The tables of the config file as pydantic models. Imported only when there is a file to check: it costs 0.1 s.

A field's description says what its value must be: an error on it becomes that sentence.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from optischema_tui.core.config.keywords import KEYWORDS
from optischema_tui.core.config.model import HISTORY_MB, LEAST_HISTORY_MB, LEAST_INTERVAL
from optischema_tui.core.family_names import FAMILIES
from optischema_tui.core.workload.filter import REASONS


class Table(BaseModel):
    """Unknown keys are refused, values are never converted, and never repeated in an error."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)


def _word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain_url(value: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("not a plain URL")
    return value


def _file_name(value: str) -> str:
    if "/" in value or "\0" in value or value in (".", ".."):
        raise ValueError("not a file name")
    return value


def _reason(value: str) -> str:
    if value not in REASONS:
        raise ValueError("not a reason")
    return value


_Keyword = Annotated[str, BeforeValidator(_word)]
_Seconds = Annotated[float, Field(ge=LEAST_INTERVAL, lt=1e6, allow_inf_nan=False)]
_Pause = Annotated[Literal[0], Field()] | _Seconds
_SECONDS = f"a number of seconds, at least {LEAST_INTERVAL:g}"
_STRING = "a string"
_STRINGS = "a list of strings"
_TRUTH = "true or false"


class ModelTable(Table):
    provider: Literal["ollama", "openai"] = Field(description="one of ollama, openai")
    url: Annotated[str, AfterValidator(_plain_url)] = Field(
        "", description="an http:// or https:// URL without a user name or password"
    )
    model: str = Field("", description=_STRING)


def _intervals() -> type[Table]:
    fields: dict[str, Any] = {
        name: (_Pause | None, Field(None, description=f"0 (off) or {_SECONDS}")) for name in FAMILIES
    }
    fields["statements"] = (_Seconds | None, Field(None, description=_SECONDS))
    return create_model("IntervalsTable", __base__=Table, **fields)


class _OwnKeys(Table):
    password_command: list[str] = Field([], description="a list of strings")
    keyring: bool = Field(False, description=_TRUTH)
    credential: Annotated[str, AfterValidator(_file_name)] = Field(
        "", description="the name of a file, without a directory"
    )
    allow_changes: bool = Field(False, description=_TRUTH)
    sample_rows: bool = Field(True, description=_TRUTH)
    interval: _Seconds | None = Field(None, description=_SECONDS)
    label: str = Field("", description=_STRING)
    show: list[Annotated[str, AfterValidator(_reason)]] = Field(
        [], description=f"a list of some of: {', '.join(REASONS)}"
    )
    theme: str = Field("", description=_STRING)
    intervals: _intervals() = Field(None, description="a table of seconds by query family")  # type: ignore[valid-type]
    model: ModelTable | None = Field(None, description="a table with provider, url and model")
    policy: dict[str, Any] | None = Field(None, description="a table of rules, see docs/policy.md")
    """Checked on its own, as PolicyTable: what is wrong with it forbids changes, not the profile."""


def _profile() -> type[_OwnKeys]:
    keyword: Any = (_Keyword, Field("", description="a string or a whole number"))
    return create_model("ProfileTable", __base__=_OwnKeys, **dict.fromkeys(KEYWORDS, keyword))


ProfileTable = _profile()


class UiTable(Table):
    theme: str = Field("", description=_STRING)
    ascii: bool = Field(False, description=_TRUTH)
    mouse: bool = Field(True, description=_TRUTH)
    refresh: _Seconds | None = Field(None, description=_SECONDS)


class LabTable(Table):
    bindir: str = Field("", description=_STRING)
    cache: bool = Field(True, description=_TRUTH)


def _own_path(value: str) -> str:
    if "\0" in value or not value.startswith(("/", "~/")):
        raise ValueError("not a path from the root or the home directory")
    return value


class AuditTable(Table):
    syslog: bool = Field(True, description=_TRUTH)
    checkpoint: Annotated[str, AfterValidator(_own_path)] = Field("", description="a file, from / or ~/ on")


class WatchTable(Table):
    command: list[str] = Field([], description=_STRINGS)


class HistoryTable(Table):
    max_mb: Annotated[int, Field(ge=LEAST_HISTORY_MB, le=1_000_000)] = Field(
        HISTORY_MB, description=f"a whole number of megabytes, at least {LEAST_HISTORY_MB}"
    )
