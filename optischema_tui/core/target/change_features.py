"""What this role may change on the server, in both directions: an undo that is not allowed is no undo."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.models import quote
from optischema_tui.core.target.capabilities import Capability, Group
from optischema_tui.core.target.server_facts import ServerFacts, in_part, names, part


def changing(facts: ServerFacts) -> Iterator[Capability]:
    """The parts of the group Change."""
    yield _changes(facts, "changes")
    yield _changes(facts, "create_index")
    yield _closed(facts, "drop_index") or _drop_index(facts)
    yield _closed(facts, "maintain") or _maintain(facts)
    # A standby has settings of its own, and sessions that may be cancelled: only a pooler stands in the way of both.
    if facts.pooled:
        yield _behind_pooler("signal")
        yield _behind_pooler("parameters")
        return
    yield part(
        "signal",
        bool(facts.session["may_signal"]),
        "Sessions of other roles that block a change cannot be cancelled",
        f"GRANT pg_signal_backend TO {facts.role};",
        Group.CHANGE,
    )
    yield _parameters(facts)


def _closed(facts: ServerFacts, name: str) -> Capability | None:
    """Why nothing of the kind can be done by this connection, whatever the role may."""
    if facts.session["in_recovery"]:
        return Capability(name, False, "The server is a standby", "Connect to the primary", group=Group.CHANGE)
    return _behind_pooler(name) if facts.pooled else None


def _behind_pooler(name: str) -> Capability:
    remedy = "Connect to the server directly"
    return Capability(name, False, "A connection pooler stands between", remedy, group=Group.CHANGE)


def _maintain(facts: ServerFacts) -> Capability:
    tables = facts.tables
    kept = tables["tables"] - tables["maintained"]
    return part(
        "maintain",
        kept <= 0,
        f"ANALYZE and VACUUM need the table's owner{' or MAINTAIN' if facts.version >= 170000 else ''};"
        f" {kept} of {tables['tables']} tables lack it",
        f"GRANT pg_maintain TO {facts.role};" if facts.version >= 170000 else _owners(facts),
        Group.CHANGE,
    )


def _changes(facts: ServerFacts, name: str) -> Capability:
    tables = facts.tables
    if closed := _closed(facts, name):
        return closed
    kept = tables["tables"] - tables["changeable"]
    reason = f"Indexes need the table's owner and CREATE on its schema; {kept} of {tables['tables']} tables lack it"
    return part(name, kept <= 0, reason, "\n".join(filter(None, (_owners(facts), _schemas(facts)))), Group.CHANGE)


def _drop_index(facts: ServerFacts) -> Capability:
    """The owner may drop an index without CREATE on the schema, and then could not create it again."""
    tables = facts.tables
    kept = tables["tables"] - tables["owned"]
    if kept > 0:
        reason = f"Dropping an index needs the table's owner; {kept} of {tables['tables']} tables lack it"
        remedy = "\n".join(filter(None, (_owners(facts), _schemas(facts))))
        return Capability("drop_index", False, reason, remedy, group=Group.CHANGE)
    closed = tables["owned"] - tables["changeable"]
    reason = f"Indexes of {closed} tables could be dropped but not created again: CREATE on the schema is missing"
    return in_part("drop_index", closed <= 0, reason, _schemas(facts), Group.CHANGE)


def _owners(facts: ServerFacts) -> str:
    powerful = set(names(facts.tables["super_owners"]))
    return "\n".join(
        f"GRANT {quote(owner)} TO {facts.role};"
        f"{' -- makes it a superuser: better give the tables to an ordinary role' if owner in powerful else ''}"
        for owner in names(facts.tables["other_owners"])
    )


def _schemas(facts: ServerFacts) -> str:
    mine = [f"{quote(schema)} TO {facts.role}" for schema in names(facts.tables["closed_schemas"])]
    pairs = dict.fromkeys(mine + names(facts.tables["closed_to_owners"]))
    return "\n".join(f"GRANT CREATE ON SCHEMA {pair};" for pair in pairs)


def _parameters(facts: ServerFacts) -> Capability:
    group, role = Group.CHANGE, facts.role
    if facts.provider is not None:
        reason = f"{facts.provider.name} changes settings in {facts.provider.settings_place} only"
        return Capability("parameters", False, reason, group=group)
    if facts.settings.get("allow_alter_system") == "off":
        reason = "allow_alter_system is off: settings come from the files that the server's keeper writes"
        return Capability("parameters", False, reason, group=group)
    missing = [name for name, may in facts.tunable.items() if not may]
    if facts.version < 150000 and missing:
        return Capability("parameters", False, "Before PostgreSQL 15 only a superuser may ALTER SYSTEM", group=group)
    remedy = []
    if missing:
        remedy.append(f"GRANT ALTER SYSTEM ON PARAMETER {', '.join(missing)} TO {role};")
    if not facts.session["may_reload"]:
        remedy.append(f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO {role};")
    return part("parameters", not remedy, "This role may not change settings", "\n".join(remedy), group)
