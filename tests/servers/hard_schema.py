"""A schema of everything that a lab must carry over, and statements that touch it, for a server of any version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from optischema_tui.core.workload.statement import WorkloadStatement

_SINCE = re.compile(r"--since (\d+)\n")


def load(session: psycopg.Connection[Any]) -> None:
    """Make the schema in the session's database; statement by statement, because VACUUM wants no transaction."""
    for sql in _parts("hard_schema.sql", session.info.server_version):
        session.execute(sql.encode())


def statements(version_num: int) -> list[WorkloadStatement]:
    """Those that a server of this version understands."""
    return [
        WorkloadStatement(sql, queryid=number) for number, sql in enumerate(_parts("hard_statements.sql", version_num))
    ]


def _parts(name: str, version_num: int) -> Iterator[str]:
    for part in Path(__file__).with_name(name).read_text("utf-8").split(";\n"):
        since = _SINCE.match(part)
        sql = part[since.end() :] if since else part
        if sql.strip() and (since is None or version_num >= int(since.group(1))):
            yield sql
