"""What this role may see on this server: asked once at connect, by what is really there and not by version numbers."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from optischema_tui.core.errors import MissingPart
from optischema_tui.core.models import TargetIdentity, quote
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.capabilities import Capabilities, in_order
from optischema_tui.core.target.connection_parts import connection_parts
from optischema_tui.core.target.environment import Environment, recognise
from optischema_tui.core.target.features import features
from optischema_tui.core.target.observer import PACKAGE, Observer
from optischema_tui.core.target.server_facts import TUNABLE, ServerFacts
from optischema_tui.core.target.session import address_identifier
from optischema_tui.core.target.sql import load


async def probe(observer: Observer) -> tuple[TargetIdentity, Capabilities]:
    """Identity and capabilities of a connected server. Raises what `Observer.fetch` raises."""
    identity = await _identity(observer)
    session = (await observer.fetch(load(PACKAGE, "capabilities")))[0]
    extensions = await observer.fetch(load(PACKAGE, "extension"))
    extension = extensions[0] if extensions else None
    columns = frozenset(extension["columns"].split(",")) if extension else frozenset()
    if extension and extension["has_info"]:
        columns |= {"pg_stat_statements_info"}
    environment = await _environment(observer, session)
    facts = await _facts(observer, identity, session, extension, environment)
    capabilities = Capabilities(
        server_version_num=session["version_num"],
        server_version=session["server_version"],
        role=session["role"],
        superuser=bool(session["superuser"]),
        in_recovery=session["in_recovery"],
        pooled=observer.pooled,
        extension_schema=extension["schema"] if extension else "",
        extension_version=extension["version"] if extension else "",
        statement_columns=columns,
        track_io_timing=facts.on("track_io_timing"),
        parts=in_order((*connection_parts(observer.spec, facts), *features(facts))),
        environment=environment.sentences,
        provider=environment.provider.name if environment.provider else "",
    )
    return identity, capabilities


async def _identity(observer: Observer) -> TargetIdentity:
    spec = observer.spec
    who = (await observer.fetch(load(PACKAGE, "identity")))[0]
    system = address_identifier(spec.get("host") or spec.get("hostaddr"), spec.get("port"))
    if who["may_read"]:
        with suppress(MissingPart):  # a provider may hide it although the privilege is there: the address stands in
            system = (await observer.fetch(load(PACKAGE, "system_identifier")))[0][0]
    return TargetIdentity(system, who["database_oid"], who["database"], who["version_num"], spec.label)


async def _environment(observer: Observer, session: Any) -> Environment:
    row = (await observer.fetch(load(PACKAGE, "environment")))[0]
    return recognise(
        version=row["version"],
        version_num=session["version_num"],
        roles=row["roles"],
        extensions=row["extensions"],
        aurora=row["aurora"],
        in_recovery=session["in_recovery"],
        pooled=observer.pooled,
    )


async def _facts(
    observer: Observer, identity: TargetIdentity, session: Any, extension: Any, environment: Environment
) -> ServerFacts:
    version = session["version_num"]
    tables = (await observer.fetch(load(PACKAGE, "table_privileges")))[0]
    tunable = await observer.fetch(load(PACKAGE, "parameters", version), list(TUNABLE))
    evictions, since = 0, ""
    if extension and extension["has_info"] and extension["may_call"] and session["preloaded"]:
        # The function is another one than the view's: it may be closed while the view is open.
        with suppress(MissingPart):
            query = load(PACKAGE, "statement_room").replace("{schema}", quote(extension["schema"]))
            evictions, since = (await observer.fetch(query))[0]
    text_file_bytes = 0
    if session["may_stat_files"] and session["preloaded"]:
        with suppress(MissingPart):  # the privilege for the function is not yet that for the file
            text_file_bytes = (await observer.fetch(load(PACKAGE, "text_file")))[0]["bytes"] or 0
    return ServerFacts(
        database=identity.database,
        session=session,
        settings=json.loads(session["settings"]),
        extension=extension,
        tables=tables,
        tunable={row["name"]: bool(row["may"]) for row in tunable},
        evictions=evictions,
        evictions_since=one_line(since or "", 19),
        text_file_bytes=text_file_bytes,
        pooled=observer.pooled,
        provider=environment.provider,
    )
