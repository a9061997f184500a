"""`doctor`: what this role may see and do; with --sql, the script that makes a role for one tier of use."""

from __future__ import annotations

from argparse import Namespace
from textwrap import indent
from typing import Any

from optischema_tui.core.jobs.doctor import examine, script
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target.capabilities import Capabilities, Group, Level
from optischema_tui.core.target.roles_script import Tier, tier_named
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password

_NEEDED = ("statements", "texts")


def run(context: Context, arguments: Namespace) -> int:
    if getattr(arguments, "sql", False):
        return _script(context, arguments)

    def work(spec: TargetSpec) -> int:
        identity, found = examine(spec, context.paths, context.config.lab_bindir)
        context.out(_value(spec, identity, found), lambda: _text(spec, identity, found))
        return 0 if all(found.part(name).available for name in _NEEDED) else 4

    return asking_password(context.spec(arguments.target), work)


def _script(context: Context, arguments: Namespace) -> int:
    tier = tier_named(getattr(arguments, "tier", None) or Tier.MONITOR)

    def work(spec: TargetSpec) -> int:
        sql = script(spec, tier)
        context.out({"target": spec.label, "tier": tier.value, "sql": sql}, lambda: sql.rstrip("\n"))
        return 0

    return asking_password(context.spec(arguments.target), work)


def _value(spec: TargetSpec, identity: TargetIdentity, found: Capabilities) -> dict[str, Any]:
    return {
        "target": spec.label,
        "fingerprint": identity.fingerprint,
        "database": identity.database,
        "server_version": found.server_version,
        "role": found.role,
        "superuser": found.superuser,
        "in_recovery": found.in_recovery,
        "pooled": found.pooled,
        "provider": found.provider or None,
        "environment": list(found.environment),
        "password_source": spec.password_source,
        "changes": "allowed" if spec.allow_changes else "read only",
        "pg_stat_statements": found.extension_version or None,
        "parts": [
            {
                "name": part.name,
                "title": part.title,
                "group": part.group.value,
                "level": part.level.value,
                "available": part.available,
                "reason": part.reason,
                "remedy": part.remedy,
            }
            for part in found.parts
        ],
    }


def _text(spec: TargetSpec, identity: TargetIdentity, found: Capabilities) -> str:
    lines = [
        f"{spec.label}: PostgreSQL {found.server_version}, database {identity.database}, "
        f"role {found.role}{' (superuser)' if found.superuser else ''}",
        f"{'standby' if found.in_recovery else 'primary'}, "
        f"{'behind a connection pooler' if found.pooled else 'direct session'}, "
        f"changes {'allowed' if spec.allow_changes else 'read only'}, password from: {spec.password_source}",
        *(f"{sentence}." for sentence in found.environment),
    ]
    for group in Group:
        parts = [part for part in found.parts if part.group is group]
        if parts:
            lines += ["", group.value]
        for part in parts:
            lines.append(f"  {part.level:<8} {part.title or part.name:<40} {part.reason}".rstrip())
            if part.remedy and part.level is not Level.OK:
                lines.append(indent(part.remedy, " " * 11))
    return "\n".join(lines)
