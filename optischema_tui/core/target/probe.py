"""What this role may see on this server: asked once at connect, by what is really there and not by version numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from optischema_tui.core.errors import MissingPart
from optischema_tui.core.models import TargetIdentity, quote
from optischema_tui.core.target.capabilities import Capabilities, Capability
from optischema_tui.core.target.observer import PACKAGE, Observer
from optischema_tui.core.target.session import address_identifier
from optischema_tui.core.target.sql import load

PRELOAD = (
    "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; -- with what it holds already; then restart"
)
CREATE = "CREATE EXTENSION pg_stat_statements;"
_SCHEMAS_NAMED = 5


async def probe(observer: Observer) -> tuple[TargetIdentity, Capabilities]:
    """Identity and capabilities of a connected server. Raises what `Observer.fetch` raises."""
    spec = observer.spec
    who = (await observer.fetch(load(PACKAGE, "identity")))[0]
    system = address_identifier(spec.get("host") or spec.get("hostaddr"), spec.get("port"))
    if who["may_read"]:
        with suppress(MissingPart):  # a provider may hide it although the privilege is there: the address stands in
            system = (await observer.fetch(load(PACKAGE, "system_identifier")))[0][0]
    identity = TargetIdentity(system, who["database_oid"], who["database"], who["version_num"], spec.label)
    facts = (await observer.fetch(load(PACKAGE, "capabilities")))[0]
    extensions = await observer.fetch(load(PACKAGE, "extension"))
    extension = extensions[0] if extensions else None
    tables = (await observer.fetch(load(PACKAGE, "table_privileges")))[0]
    columns = frozenset(extension["columns"].split(",")) if extension else frozenset()
    if extension and extension["has_info"]:
        columns |= {"pg_stat_statements_info"}
    capabilities = Capabilities(
        server_version_num=facts["version_num"],
        server_version=facts["server_version"],
        role=facts["role"],
        superuser=bool(facts["superuser"]),
        in_recovery=facts["in_recovery"],
        pooled=observer.pooled,
        extension_schema=extension["schema"] if extension else "",
        extension_version=extension["version"] if extension else "",
        statement_columns=columns,
        track_io_timing=facts["track_io_timing"],
        parts=_parts(identity, facts, extension, tables, observer.pooled),
    )
    return identity, capabilities


def _parts(identity: TargetIdentity, facts: Any, extension: Any, tables: Any, pooled: bool) -> tuple[Capability, ...]:
    role = quote(facts["role"])
    stats = bool(facts["read_all_stats"])
    return (
        _statements(identity, extension, bool(facts["preloaded"]), role),
        _part("texts", stats, "Statements of other roles are hidden", f"GRANT pg_read_all_stats TO {role};"),
        _plans(tables, role, facts["version_num"]),
        _part(
            "statistics",
            bool(facts["read_pg_statistic"]) or tables["readable"] >= tables["tables"],
            "The planner's statistics may be read for a part of the tables only",
            f"GRANT SELECT ON pg_catalog.pg_statistic TO {role};",
        ),
        _part(
            "extended_statistics",
            bool(facts["read_pg_statistic_ext"]),
            "pg_statistic_ext_data may not be read: multi-column statistics are missing in the lab",
            f"GRANT SELECT ON pg_catalog.pg_statistic_ext_data TO {role};",
        ),
        _part("activity", stats, "The states of other roles' sessions are hidden", f"GRANT pg_monitor TO {role};"),
        _changes(facts, tables, role, pooled),
    )


def _part(name: str, available: bool, reason: str, remedy: str) -> Capability:
    return Capability(name, True) if available else Capability(name, False, reason, remedy)


def _statements(identity: TargetIdentity, extension: Any, preloaded: bool, role: str) -> Capability:
    database = f"database {identity.database}"
    if extension is None and not preloaded:
        return Capability(
            "statements", False, "pg_stat_statements is neither loaded nor created", f"{PRELOAD}\n{CREATE}"
        )
    if extension is None:
        return Capability("statements", False, f"The extension pg_stat_statements is not created in {database}", CREATE)
    if not preloaded:
        return Capability("statements", False, "pg_stat_statements is created but not loaded at server start", PRELOAD)
    if not extension["may_call"]:
        schema = quote(extension["schema"])
        return Capability(
            "statements",
            False,
            "This role may not call pg_stat_statements",
            f"GRANT USAGE ON SCHEMA {schema} TO {role};\n"
            f"GRANT EXECUTE ON FUNCTION {schema}.pg_stat_statements(boolean) TO {role};",
        )
    return Capability("statements", True)


def _plans(tables: Any, role: str, version_num: int) -> Capability:
    hidden = tables["tables"] - tables["readable"]
    if hidden <= 0:
        return Capability("plans", True)
    if version_num >= 140000:
        remedy = f"GRANT pg_read_all_data TO {role};"
    else:
        schemas = [quote(schema) for schema in (tables["unreadable_schemas"] or "").split("\n")[:_SCHEMAS_NAMED]]
        remedy = "\n".join(
            f"GRANT USAGE ON SCHEMA {schema} TO {role};\nGRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};"
            for schema in schemas
        )
    reason = f"EXPLAIN needs SELECT on every table of a statement; {hidden} of {tables['tables']} may not be read"
    return Capability("plans", False, reason, remedy)


def _changes(facts: Any, tables: Any, role: str, pooled: bool) -> Capability:
    if facts["in_recovery"]:
        return Capability("changes", False, "The server is a standby", "Connect to the primary")
    if pooled:
        return Capability("changes", False, "A connection pooler stands between", "Connect to the server directly")
    kept = tables["tables"] - tables["changeable"]
    if kept <= 0:
        return Capability("changes", True)
    owners = [quote(owner) for owner in (tables["other_owners"] or "").split("\n") if owner][:_SCHEMAS_NAMED]
    closed = [quote(schema) for schema in (tables["closed_schemas"] or "").split("\n") if schema][:_SCHEMAS_NAMED]
    remedy = [f"GRANT {owner} TO {role};" for owner in owners]
    remedy += [f"GRANT CREATE ON SCHEMA {schema} TO {role};" for schema in closed]
    reason = f"Indexes need the table's owner and CREATE on its schema; {kept} of {tables['tables']} tables lack it"
    return Capability("changes", False, reason, "\n".join(remedy))
