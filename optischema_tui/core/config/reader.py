"""Reads the config file: tomllib for the text, pydantic for what it means, our own sentences for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.config.keywords import KEYWORDS, PASSWORD_PLACES, SECRET_KEYWORDS, check_keywords, nearest
from optischema_tui.core.config.model import DEFAULT_INTERVAL, Config, ModelEndpoint, Profile
from optischema_tui.core.errors import ConfigError
from optischema_tui.core.policy.rules import Rules
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from pydantic import BaseModel

_SECTIONS = ("profiles", "policy", "ui", "lab", "history", "audit", "watch")


def load_config(path: Path) -> Config:
    """The config of `path`. Never raises: what is wrong stands in `problems`, the rest is used. No file, no problem."""
    try:
        document = parse(path)
    except FileNotFoundError:
        return Config(path)
    except ConfigError as error:
        return Config(path, problems=(error,), policy=Rules(problems=(error.sentence,)))
    return read(path, document)


def read_rules(path: Path, document: Mapping[str, Any]) -> Rules:
    """The rules of a file that holds nothing but policy. Never raises: what is wrong stands in its `problems`."""
    reader = _Reader(path)
    return reader.policy(dict(document), "") or Rules()


def parse(path: Path) -> dict[str, Any]:
    """The file's tables, unchecked. Raises FileNotFoundError, or ConfigError when it cannot be read."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, "cannot be read", str(error.strerror or "unknown reason")) from None
    except UnicodeDecodeError:
        raise _unreadable(path, "cannot be read", "It is not UTF-8 text") from None
    import tomllib  # 5 ms that a start without a file does not pay

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The parser's text may quote the file, and the file may hold a secret by mistake: only the place is told.
        place = str(error).rpartition("(")[2].rstrip(")") if "(at " in str(error) else "unknown place"
        raise _unreadable(path, "is not valid TOML", f"The mistake is {place}") from None
    except (RecursionError, ValueError):
        raise _unreadable(path, "is not valid TOML", "It is nested too deeply, or a number in it is too long") from None


def read(path: Path, document: Mapping[str, Any]) -> Config:
    """The config that the tables of `path` mean. Never raises."""
    if not document:
        return Config(path)
    reader = _Reader(path)
    reader.unknown(document, _SECTIONS, "")
    profiles: dict[str, Profile] = {}
    broken: dict[str, ConfigError] = {}
    for name, table in reader.table(document, "profiles").items():
        found = reader.profile(name, table)
        if isinstance(found, Profile):
            profiles[name] = found
        else:
            broken[name] = found[0]
            reader.problems += found
    from optischema_tui.core.config import schema

    ui = reader.section(document, "ui", schema.UiTable)
    lab = reader.section(document, "lab", schema.LabTable)
    history = reader.section(document, "history", schema.HistoryTable)
    audit = reader.section(document, "audit", schema.AuditTable)
    command = reader.command(reader.section(document, "watch", schema.WatchTable).command, "watch")
    policy = reader.policy(document.get("policy"), "policy") or reader.mistyped_policy(document)
    return Config(
        path,
        profiles,
        broken,
        tuple(reader.problems),
        ui.theme,
        ui.ascii,
        ui.mouse,
        ui.refresh or DEFAULT_INTERVAL,
        lab.bindir,
        history.max_mb,
        lab.cache,
        policy=policy,
        audit_syslog=audit.syslog,
        audit_checkpoint=Path(audit.checkpoint).expanduser() if audit.checkpoint else None,
        watch_command=command,
    )


def _unreadable(path: Path, what: str, why: str) -> ConfigError:
    return ConfigError(f"The config file {path} {what}", why, "Defaults are used")


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[ConfigError] = []

    def profile(self, name: str, table: object) -> Profile | list[ConfigError]:
        """The profile, or all that is wrong with it."""
        from pydantic import ValidationError

        from optischema_tui.core.config.schema import ProfileTable

        where = f"profiles.{one_line(name, 60)}"
        if not isinstance(table, dict):
            return [self._wrong(where, "a table of keys")]
        if any(key.lower() in SECRET_KEYWORDS for key in table):
            return [ConfigError(f"{self.path}: {where} holds a password, which is refused", todo=PASSWORD_PLACES)]
        try:
            checked = ProfileTable.model_validate(table)
            params = {key: value for key in KEYWORDS if (value := getattr(checked, key))}
            check_keywords(params, f"{self.path}: {where}")
            self._check_command(checked.password_command, "password_command", where)
        except ValidationError as error:
            return list(self._told(error, ProfileTable, where))
        except ConfigError as error:
            return [error]
        model = checked.model
        return Profile(
            name,
            tuple(sorted(params.items())),
            tuple(checked.password_command),
            checked.allow_changes,
            checked.interval,
            checked.label,
            tuple(sorted(checked.intervals.model_dump(exclude_none=True).items())) if checked.intervals else (),
            tuple(checked.show),
            checked.theme,
            checked.sample_rows,
            checked.keyring,
            checked.credential,
            ModelEndpoint(model.provider, model.url, model.model) if model else None,
            self.policy(checked.policy, f"{where}.policy"),
        )

    def policy(self, table: object, where: str) -> Rules | None:
        """A table of policy, checked; None when there is none. Its mistakes are noted, here and in the rules."""
        if table is None:
            return None
        if not isinstance(table, dict):
            wrong = self._wrong(where, f"a table: [{where}]")
            self.problems.append(wrong)
            return Rules(problems=(wrong.sentence,))
        from optischema_tui.core.config.policy_table import rules_of

        rules, problems = rules_of(table, f"{self.path}: {where}".rstrip(": "), lambda e, m: self._told(e, m, where))
        self.problems += problems
        return rules

    def mistyped_policy(self, document: Mapping[str, Any]) -> Rules | None:
        """An unknown table that may have been meant as the policy forbids changes, for it cannot allow them."""
        meant = [key for key in document if key not in _SECTIONS and nearest(key.lower(), ("policy",))]
        return Rules(problems=tuple(self._unknown_key(key, _SECTIONS, "").sentence for key in meant)) if meant else None

    def section(self, document: Mapping[str, Any], name: str, model: type[Any]) -> Any:
        """A table of its own, checked. Wrong keys are noted and their defaults used."""
        from pydantic import ValidationError

        table = self.table(document, name)
        try:
            return model.model_validate(table)
        except ValidationError as error:
            self.problems += self._told(error, model, name)
            wrong = {each["loc"][0] for each in error.errors(include_input=False)}
            return model.model_validate({key: value for key, value in table.items() if key not in wrong})

    def table(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return value
        self.problems.append(self._wrong(name, f"a table: [{name}]"))
        return {}

    def unknown(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        self.problems += [self._unknown_key(key, known, where) for key in table if key not in known]

    def command(self, command: list[str], where: str) -> tuple[str, ...]:
        """A command that may be run; none, with the mistake noted, where others could have written it."""
        try:
            self._check_command(command, "command", where)
        except ConfigError as error:
            self.problems.append(error)
            return ()
        return tuple(command)

    def _check_command(self, command: list[str], key: str, where: str) -> None:
        if command and self.path.exists() and self.path.stat().st_mode & 0o022:
            raise ConfigError(
                f"{self.path}: the {key} of {where} is not run",
                "Others than you may write the file",
                f"Run: chmod go-w {self.path}",
            )

    def _told(self, error: Any, model: type[BaseModel], where: str) -> Iterator[ConfigError]:
        """One error a key, however many of its parts are wrong."""
        seen = set()
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            path, inner = _place(model, each["loc"])
            if each["type"] == "extra_forbidden":
                key = str(each["loc"][len(path)])
                yield self._unknown_key(key, tuple(inner.model_fields), _dotted(where, *path))
            elif path not in seen:
                seen.add(path)
                yield self._wrong(_dotted(where, *path), _expected(model, path))

    def _unknown_key(self, key: str, known: tuple[str, ...], where: str) -> ConfigError:
        inside = f" in [{where}]" if where else ""
        hint = nearest(key, known) or f"Known: {', '.join(known)}"
        return ConfigError(f"{self.path}: unknown key {one_line(key, 60)}{inside}", todo=hint)

    def _wrong(self, where: str, expected: str) -> ConfigError:
        return ConfigError(f"{self.path}: {where} must be {expected}")


def _dotted(*names: str) -> str:
    return ".".join(name for name in names if name)


def _place(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[tuple[str, ...], type[BaseModel]]:
    """The names of fields that `location` leads through, and the innermost table it reaches."""
    path: list[str] = []
    for step in location:
        if not isinstance(step, str) or step not in model.model_fields:
            break
        path.append(step)
        inner = _table_of(model.model_fields[step].annotation)
        if inner is None:
            break
        model = inner
    return tuple(path), model


def _table_of(annotation: Any) -> type[BaseModel] | None:
    from pydantic import BaseModel

    candidates = (annotation, *getattr(annotation, "__args__", ()))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _expected(model: type[BaseModel], path: tuple[str, ...]) -> str:
    description = None
    for step in path:
        description = model.model_fields[step].description
        model = _table_of(model.model_fields[step].annotation) or model
    return description or "something else"
