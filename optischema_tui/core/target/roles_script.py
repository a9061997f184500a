"""The SQL that makes the role for one tier of use, exact for one server: to be read and run by its keeper, never by us.

Tiers build on each other: `monitor` observes, `lab` also reads what plans and proofs need, `apply` also carries out
approved changes, as a role of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from optischema_tui.core.errors import UsageError
from optischema_tui.core.models import quote
from optischema_tui.core.target.server_facts import TUNABLE


class Tier(StrEnum):
    MONITOR = "monitor"
    LAB = "lab"
    APPLY = "apply"


ROLES = {Tier.MONITOR: "optischema_mon", Tier.LAB: "optischema_mon", Tier.APPLY: "optischema_apply"}
OWNERS_ROLE = "optischema_owners"
_GUARDS = (
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "5s"),
    ("lock_timeout", "1s"),
    ("idle_in_transaction_session_timeout", "10s"),
)
_CONNECTIONS = {Tier.MONITOR: 4, Tier.LAB: 5, Tier.APPLY: 6}
"""Two for observing, two for a change, and room for `doctor` and the reading for the lab."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A schema's tables of one owner."""

    schema: str
    owner: str
    superuser: bool
    """The owner is one."""
    may_create: bool
    """The owner may create in the schema; else an index that it drops could not come back."""


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    version_num: int
    database: str
    extension_schema: str
    """Empty where pg_stat_statements is not created."""
    grounds: tuple[Ground, ...]
    provider: str = ""
    """The managed service; empty on a server of one's own."""
    tunable: tuple[str, ...] = TUNABLE


def tier_named(name: str) -> Tier:
    """Raises UsageError."""
    try:
        return Tier(name)
    except ValueError:
        raise UsageError(f"There is no tier {name}", f"The tiers are: {', '.join(Tier)}") from None


def role_script(facts: ScriptFacts, tier: Tier, *, role: str = "") -> str:
    """SQL with comments, one statement a line. `role` names the role to make; by default `ROLES[tier]`."""
    name = quote(role or ROLES[tier])
    lines = [
        f"-- {tier} tier for database {_said(facts.database)}, PostgreSQL {facts.version_num // 10000}",
        f"-- Run it connected to {_said(facts.database)}, "
        + (f"as a member of the service's own admin role ({facts.provider})." if facts.provider else "as a superuser."),
        "",
        *_login(facts, tier, name),
        *_monitor(facts, name),
    ]
    if tier is not Tier.MONITOR:
        lines += ["", *_lab(facts, name)]
    if tier is Tier.APPLY:
        lines += ["", *_apply(facts, name)]
    return "\n".join(lines) + "\n"


def _said(name: str) -> str:
    """A name inside a comment."""
    return _flat(quote(name))


def _flat(text: str) -> str:
    """Text for a comment: no line break of a name may end it."""
    return text.replace("\n", " ").replace("\r", " ")


def _login(facts: ScriptFacts, tier: Tier, name: str) -> Iterator[str]:
    if not facts.extension_schema:
        yield "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; -- needs it in shared_preload_libraries"
    yield f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {_CONNECTIONS[tier]};"
    yield f"-- then give it a password: \\password {_flat(name)}"
    for setting, value in _GUARDS:
        yield f"ALTER ROLE {name} SET {setting} = '{value}';"
    if tier is Tier.APPLY:
        yield "-- Approved changes set these aside for their own session only."
    yield f"GRANT CONNECT ON DATABASE {quote(facts.database)} TO {name};"


def _monitor(facts: ScriptFacts, name: str) -> Iterator[str]:
    yield f"GRANT pg_monitor TO {name};"
    if facts.extension_schema not in ("", "public"):
        schema = quote(facts.extension_schema)
        yield f"GRANT USAGE ON SCHEMA {schema} TO {name};"
        yield f"GRANT EXECUTE ON FUNCTION {schema}.pg_stat_statements(boolean) TO {name};"
    yield "-- to see a broken line in a configuration file before the restart:"
    yield from _superusers_alone(
        facts,
        f"GRANT SELECT ON pg_catalog.pg_file_settings TO {name};",
        f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO {name};",
    )


def _lab(facts: ScriptFacts, name: str) -> Iterator[str]:
    yield "-- The planner's statistics hold samples of the data: most common values, histogram bounds."
    yield from _superusers_alone(
        facts, f"GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data TO {name};"
    )
    by_schema = list(_reading_by_schema(facts, name))
    if facts.version_num >= 140000:
        yield "-- EXPLAIN asks for SELECT on the tables. This reads every row of every database, and the catalog with"
        yield "-- its password hashes; where that is too much, use the lines below it in its place."
        yield f"GRANT pg_read_all_data TO {name};"
        yield from (f"-- {_flat(line)}" for line in by_schema)
    else:
        yield "-- EXPLAIN asks for SELECT on the tables."
        yield from by_schema


def _reading_by_schema(facts: ScriptFacts, name: str) -> Iterator[str]:
    for schema in dict.fromkeys(ground.schema for ground in facts.grounds):
        yield f"GRANT USAGE ON SCHEMA {quote(schema)} TO {name};"
        yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {quote(schema)} TO {name};"
    for ground in facts.grounds:
        yield (
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote(ground.owner)} IN SCHEMA {quote(ground.schema)}"
            f" GRANT SELECT ON TABLES TO {name};"
        )


def _apply(facts: ScriptFacts, name: str) -> Iterator[str]:
    yield "-- Indexes are made by the tables' owners: the role may become one of them (SET ROLE), and only then has"
    yield "-- their rights. session_user stays its own name in the server's log."
    ordinary = [ground for ground in facts.grounds if not ground.superuser]
    owners = list(dict.fromkeys(ground.owner for ground in ordinary))
    if facts.version_num >= 160000:
        for owner in owners:
            yield f"GRANT {quote(owner)} TO {name} WITH INHERIT FALSE, SET TRUE;"
    elif owners:
        # Before 16 inheriting is a property of the member: a role in between keeps the owners' rights back.
        between = quote(OWNERS_ROLE)
        yield f"CREATE ROLE {between} NOLOGIN NOINHERIT;"
        for owner in owners:
            yield f"GRANT {quote(owner)} TO {between};"
        yield f"GRANT {between} TO {name};"
    for ground in ordinary:
        if not ground.may_create:
            yield f"GRANT CREATE ON SCHEMA {quote(ground.schema)} TO {quote(ground.owner)};"
    for ground in facts.grounds:
        if ground.superuser:
            yield (
                f"-- Tables of {_said(ground.owner)} in {_said(ground.schema)} stay out of reach: it is a superuser."
                " Give them to an ordinary role (ALTER TABLE ... OWNER TO)."
            )
    yield "-- to cancel sessions that block an approved change:"
    yield f"GRANT pg_signal_backend TO {name};"
    if facts.version_num >= 170000:
        yield "-- ANALYZE, VACUUM and REINDEX of every table:"
        yield f"GRANT pg_maintain TO {name};"
    yield from _settings(facts, name)


def _settings(facts: ScriptFacts, name: str) -> Iterator[str]:
    if facts.provider or facts.version_num < 150000:
        why = f"on {facts.provider}" if facts.provider else "before PostgreSQL 15"
        yield f"-- ALTER SYSTEM cannot be granted {why}: settings stay with their keeper."
        return
    yield "-- settings that cannot keep the server from starting:"
    yield f"GRANT ALTER SYSTEM ON PARAMETER {', '.join(facts.tunable)} TO {name};"
    yield f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO {name};"


def _superusers_alone(facts: ScriptFacts, *lines: str) -> Iterator[str]:
    """Lines that only a superuser may run: comments where nobody is one."""
    for line in lines:
        yield f"-- refused on {facts.provider}: {line}" if facts.provider else line
