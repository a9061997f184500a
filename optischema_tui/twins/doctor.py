"""`doctor`: what this role may see and do."""

from __future__ import annotations

from argparse import Namespace
from textwrap import indent

from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password


def run(context: Context, arguments: Namespace) -> int:
    def work(spec: TargetSpec) -> int:
        identity, capabilities = examine(spec)
        parts = capabilities.parts
        value = {
            "target": spec.label,
            "fingerprint": identity.fingerprint,
            "database": identity.database,
            "server_version": capabilities.server_version,
            "role": capabilities.role,
            "superuser": capabilities.superuser,
            "in_recovery": capabilities.in_recovery,
            "pooled": capabilities.pooled,
            "password_source": spec.password_source,
            "changes": "allowed" if spec.allow_changes else "read only",
            "pg_stat_statements": capabilities.extension_version or None,
            "parts": [
                {"name": p.name, "available": p.available, "reason": p.reason, "remedy": p.remedy} for p in parts
            ],
        }

        def text() -> str:
            lines = [
                f"{spec.label}: PostgreSQL {capabilities.server_version}, database {identity.database}, "
                f"role {capabilities.role}{' (superuser)' if capabilities.superuser else ''}",
                f"{'standby' if capabilities.in_recovery else 'primary'}, "
                f"{'behind a connection pooler' if capabilities.pooled else 'direct session'}, "
                f"changes {value['changes']}, password from: {spec.password_source}",
                "",
            ]
            for part in parts:
                lines.append(f"{'ok     ' if part.available else 'missing'} {part.name:<20} {part.reason}".rstrip())
                if part.remedy:
                    lines.append(indent(part.remedy, " " * 12))
            return "\n".join(lines)

        context.out(value, text)
        needed = {"statements", "texts"}
        return 0 if all(part.available for part in parts if part.name in needed) else 4

    return asking_password(context.spec(arguments.target), work)
