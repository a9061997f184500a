"""docs/json.md names every key that the headless commands print, and none that they do not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "json.md"
FREE_FORM = ("detail", "body", "plan", "rows", "before", "after", "evidence_kept", "document")
"""Objects whose inner keys are not promised one by one."""
NOT_KEYS = {
    "doctor": {"allowed", "read only", "ok", "limited", "missing", "--sql"},
    "profiles": {"list", "check", "add", "remove", "profile", "service", "recent"},
    "lab": {"--check"},
    "plan": {
        "node_type", "relation", "startup_cost", "rows", "conditions", "children", "index_name",
    },
    "approve": {"apply", "rollback", "cancel", "--yes"},
    "policy": {"built in"},
    "dismiss": {"dismissed"},
    "findings": {"--dismiss"},
    "changes": {"--all"},
    "audit": {"list", "verify", "export", "prune", "--change"},
    "baseline": {"create", "list", "show", "compare", "delete"},
}  # fmt: skip
"""Words in code style that are values, options or inner keys of a free-form object."""
NOT_SEEN = {
    "advise": {"query", "reason"},
    "top": {"reason", "share", "statements"},
    "collect": {"id", "state", "change", "sentence"},
}
"""Keys of lists that may be empty here: what cannot be planned, what is hidden, what was judged."""
SCHEMA = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, total numeric NOT NULL);
INSERT INTO orders SELECT i, 1 + i % 5000, i % 97 FROM generate_series(1, 100000) i;
ANALYZE orders;
"""


def documented() -> dict[str, set[str]]:
    """Section (its first command) -> the words in code style that it holds."""
    sections = {}
    for part in DOCUMENT.read_text().split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        command = re.findall(r"`([\w-]+)", title)[0]
        sections[command] = set(re.findall(r"`([^`]+)`", text)) - NOT_KEYS.get(command, set())
    return sections


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in FREE_FORM:
                yield from keys(inner)
    elif isinstance(value, list):
        for one in value:
            yield from keys(one)


def call(*words: str, code: int = 0) -> Any:
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", *words, "--json"], capture_output=True, text=True, check=False
    )
    assert told.returncode == code, f"{words}: exit {told.returncode}\n{told.stdout}\n{told.stderr}"
    if words[0] == "collect" or words[:2] == ("audit", "export"):
        return [json.loads(line) for line in told.stdout.splitlines()]
    return json.loads(told.stdout)


def activity(dsn: str) -> Any:
    """With a session that blocks another."""
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn) as waiter:
        holder.execute("LOCK orders")
        waiter.pgconn.send_query(b"BEGIN; LOCK orders")
        for _ in range(50):
            seen = call("activity", dsn)
            if seen["blocking"]:
                break
        holder.rollback()
        waiter.close()
        return seen


def answers(dsn: str) -> dict[str, list[Any]]:
    """What each section's commands print in the course of the loop."""
    found: dict[str, list[Any]] = {"top": [call("top", dsn)]}
    found["doctor"] = [call("doctor", dsn), call("doctor", dsn, "--sql", "--tier", "lab")]
    found["activity"] = [activity(dsn)]
    found["objects"] = [call("objects", dsn), call("server", dsn)]
    found["profiles"] = [call("profiles", "add", "one", "host=db1"), call("profiles"), call("profiles", "check")]
    found["profiles"].append(call("profiles", "remove", "one"))
    found["policy"] = [call("policy", dsn, "--allow-changes")]
    found["findings"] = [call("findings", dsn)]
    advice = call("advise", dsn)
    rec = advice["recommendations"][0]["id"]
    found |= {"advise": [advice], "lab": [call("lab", dsn, "--check"), call("lab", "--forget")]}
    found["plan"] = [call("plan", dsn, "--sql", "SELECT total FROM orders WHERE customer_id = $1")]
    what_if = ("--sql", "SELECT total FROM orders WHERE customer_id = 1", "--index", "CREATE INDEX ON orders (total)")
    found["what-if"] = [call("what-if", dsn, *what_if)]
    found["changes"] = [call("changes")]
    found["approve"] = [call("approve", rec), call("apply", rec, "--allow-changes")]
    found["approve"].append(call("apply", rec, "--allow-changes", "--yes"))
    found["propose"] = [call("propose", dsn, f"ANALYZE {name}") for name in ("orders", "orders (total)")]
    both = [one["id"] for one in found["propose"]]
    found["approve"] += [call("approve", one) for one in both]
    found["approve"] += [
        call("apply", *both, "--allow-changes"),
        call("apply", *both, "--allow-changes", "--yes", code=5),
    ]
    found["approve"].append(call("keep", rec, "--reason", "seen faster"))
    found["changes"].append(call("changes"))
    found["approve"].append(call("rollback", rec, "--allow-changes"))
    found["approve"].append(call("rollback", rec, "--allow-changes", "--yes"))
    found["collect"] = [call("collect", dsn, "--interval", "1", "--duration", "3")]
    names = ("one", "two")
    found["baseline"] = [call("baseline", "create", name) for name in names]
    found["baseline"] += [call("baseline", "list"), call("baseline", "compare", *names)]
    found["baseline"] += [call("baseline", "show", "one"), call("baseline", "delete", "two")]
    again = call("advise", dsn)["recommendations"][0]["id"]
    found["dismiss"] = [call("dismiss", again, "--reason", "not now")]
    found["audit"] = [call("audit", "list"), call("audit", "verify"), call("audit", "export")]
    found["audit"].append(call("audit", "list", "--change", found["approve"][0]["id"]))
    found["audit"] += [call("audit", "anchor"), call("audit", "prune")]
    return found


def test_the_document_and_the_answers_have_the_same_keys(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
        session.execute("SELECT pg_stat_statements_reset()")
        for number in range(40):
            session.execute("SELECT id, total FROM orders WHERE customer_id = %s", (number + 1,)).fetchall()
    sections = documented()
    seen = {command: set(keys(values)) for command, values in answers(fresh_db).items()}
    assert set(sections) - {"demo", "opinion", "countersign", "heatmap", "report"} == set(seen), (
        "an opinion needs hypopg, a second approval a second user; what looks at history has a test of its own"
    )
    for command, names in seen.items():
        extra = sections["changes"] if command in ("approve", "propose") else set()
        unknown = sorted(names - sections[command] - extra)
        assert not unknown, f"{command}: {unknown} printed and not documented"
        silent = sections[command] - names - NOT_SEEN.get(command, set())
        assert not silent, f"{command}: documented and not printed"
