"""Secrets that pass by in a whole day's work appear nowhere: not in what is printed, kept or exported, nor in /proc."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from tests.conftest import TCP_PASSWORD, TCP_USER

CANARIES = {
    "password": "c4n4ry-password",
    "environment": "c4n4ry-pgpassword",
    "url": "c4n4ry-in-a-url",
    "literal": "c4n4ry-literal",
    "other role": "c4n4ry-of-a-role",
    "do block": "c4n4ry-in-a-block",
    "copy": "c4n4ry-in-a-copy",
    "key": "MIIc4n4ryKEYc4n4ry",
    "token": "c4n4ry-vault-token",
    "file: string": "c4n4ry-of-a-file",
    "file: E string": "c4n4ry-escaped",
    "file: U& string": "c4n4ry-unicode",
    "file: dollar quotes": "c4n4ry-dollars",
    "file: pattern": "c4n4ry-pattern",
    "file: bits": "10110011100011110000111110",
    "file: hexadecimal": "c4a4c4a4c4a4",
    "file: number": "8675309421",
    "file: negative number": "7755331199",
    "file: fraction": "31.4159274",
    "file: date": "1987-11-23",
    "file: interval": "4711 days",
    "file: list": "c4n4ry-in-a-list",
    "file: long list": "908172635",
    "file: row": "c4n4ry-in-a-row",
    "file: row comparison": "c4n4ry-compared",
    "file: JSON": "c4n4ry-in-json",
    "file: comment": "c4n4ry-commented",
    "file: refused": "c4n4ry-no-number",
    "file: not SQL": "c4n4ry-no-sql",
    "file: of a role": "c4n4ry-role-in-file",
    "file: of a block": "c4n4ry-block-in-file",
}
SCHEMA = """
CREATE TABLE items (id bigint PRIMARY KEY, order_id int NOT NULL, note text) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT g, g / 3, 'note ' || g FROM generate_series(1, 20000) g;
ANALYZE items;
"""
TRAFFIC = (
    f"SELECT id FROM items WHERE note = '{CANARIES['literal']}' AND order_id = 7",
    f"SELECT count(*) FROM items WHERE note LIKE '{CANARIES['literal']}%'",
    f"ALTER ROLE other_role PASSWORD '{CANARIES['other role']}'",
    f"DO $$ BEGIN PERFORM '{CANARIES['do block']}'; END $$",
    f"COPY (SELECT '{CANARIES['copy']}') TO STDOUT",
    f"SELECT '-----BEGIN PRIVATE KEY-----{CANARIES['key']}-----END PRIVATE KEY-----'",
)
WORKLOAD = f"""
-- calls: 9000 mean_ms: 20
SELECT id FROM items WHERE order_id = 17 AND note <> '{CANARIES["file: string"]}'; -- {CANARIES["file: comment"]}
-- calls: 9000 mean_ms: 20
SELECT id FROM items WHERE order_id = 18 AND note <> 'another' /* {CANARIES["file: comment"]} */;
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note = '{CANARIES["file: string"]}';
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note LIKE '{CANARIES["file: pattern"]}%' ORDER BY 1 LIMIT 3;
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note ILIKE '%{CANARIES["file: pattern"]}%';
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note = E'{CANARIES["file: E string"]}\\n';
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note = U&'{CANARIES["file: U& string"]}!0041' UESCAPE '!' AND order_id < 9;
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note = $tag${CANARIES["file: dollar quotes"]}$tag$;
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE order_id::bit(26) = B'{CANARIES["file: bits"]}';
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note::bytea = '\\x{CANARIES["file: hexadecimal"]}';
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE id = {CANARIES["file: number"]} OR id + order_id = -{CANARIES["file: negative number"]};
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE order_id * 2.5 > {CANARIES["file: fraction"]};
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE DATE '{CANARIES["file: date"]}' + INTERVAL '{CANARIES["file: interval"]}' > now() AND id = 4;
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note IN ('a', '{CANARIES["file: list"]}', 'b');
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE order_id IN ({CANARIES["file: long list"]}, 2, 3) OR order_id = ANY ('{{{CANARIES["file: long list"]}}}');
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE (order_id, note) IN ((1, '{CANARIES["file: row comparison"]}'), (2, 'x'));
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE to_jsonb(note) @> '"{CANARIES["file: JSON"]}"';
-- calls: 50 mean_ms: 20
INSERT INTO items VALUES (1, 2, 'a'), (2, 3, '{CANARIES["file: row"]}');
-- calls: 50 mean_ms: 20
UPDATE items SET note = '{CANARIES["file: row"]}' WHERE order_id = 12;
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE order_id = '{CANARIES["file: refused"]}';
-- calls: 50 mean_ms: 20
SELECT id FROM items WHERE note = lower($1) AND note <> '{CANARIES["file: string"]}';
-- calls: 50 mean_ms: 20
SELEKT '{CANARIES["file: not SQL"]}';
-- calls: 50 mean_ms: 20
SELECT FROM WHERE '{CANARIES["file: not SQL"]}';
-- calls: 50 mean_ms: 20
ALTER ROLE other_role PASSWORD '{CANARIES["file: of a role"]}';
-- calls: 50 mean_ms: 20
DO $$ BEGIN PERFORM '{CANARIES["file: of a block"]}'; END $$;
"""  # noqa: E501
SLOW = f"SELECT pg_sleep(0.3), '{CANARIES['literal']}'"


class Day:
    """One person's home, the commands they give, and all that is said to them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said: list[str] = []
        self.seen_argv: list[str] = []
        self.environment = {**os.environ, "PGPASSWORD": CANARIES["environment"], "VAULT_TOKEN": CANARIES["token"]}

    def call(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "optischema_tui", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment,
        )  # fmt: skip
        over = threading.Event()
        watcher = threading.Thread(target=self._read_argv, args=(process.pid, over))
        watcher.start()
        out, errors = process.communicate(timeout=120)
        over.set()
        watcher.join()
        self.said += [out, errors]
        assert process.returncode in codes, (words, out, errors)
        return out

    def _read_argv(self, pid: int, over: threading.Event) -> None:
        """The command lines of the program and of all that it starts, while it runs."""
        group = str(os.getpgid(pid)) if os.getpgid(pid) == pid else str(pid)
        while not over.wait(0.05):
            for place in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, IndexError):
                    parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
                    if place.name == group or parent == group:
                        self.seen_argv.append((place / "cmdline").read_bytes().decode("utf-8", "replace"))


@contextmanager
def traffic(dsn: str) -> Iterator[None]:
    """Statements with secrets, and one that is nearly always to be seen at work."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True) as session:
            while not over.is_set():
                session.execute(SLOW)
                for sql in TRAFFIC:
                    if sql.startswith("COPY"):
                        with session.cursor().copy(sql.encode()) as copied:
                            list(copied)
                    else:
                        session.execute(sql.encode())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def shop(tcp_server: Cluster) -> Iterator[str]:
    """A database on the server that asks for a password; its conninfo without one."""
    admin = f"{tcp_server.tcp_dsn('postgres', TCP_USER)} password={TCP_PASSWORD}"
    with psycopg.connect(admin, autocommit=True) as session:
        session.execute(f"CREATE ROLE canary_dba LOGIN SUPERUSER PASSWORD '{CANARIES['password']}'".encode())
        session.execute("CREATE ROLE other_role LOGIN")
        session.execute("CREATE DATABASE canary_shop OWNER canary_dba")
    with psycopg.connect(f"{admin} dbname=canary_shop", autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(SCHEMA)
    yield tcp_server.tcp_dsn("canary_shop", "canary_dba")
    with psycopg.connect(admin, autocommit=True) as session:
        session.execute("DROP DATABASE canary_shop WITH (FORCE)")
        session.execute("DROP ROLE other_role")
        session.execute("DROP ROLE canary_dba")


def kept(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `home`, and every value of its SQLite files, unpacked."""
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        yield str(path), path.read_bytes()
        if path.suffix == ".db":
            yield from _values(path)


def _values(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        with suppress(zlib.error):
                            value = zlib.decompress(value)
                        yield f"{path} {table}", bytes(value)
                    elif isinstance(value, str):
                        yield f"{path} {table}", value.encode()


def found_in(name: str, content: bytes) -> list[str]:
    return [f"{canary} in {name}" for canary, text in CANARIES.items() if text.encode() in content]


def config(home: Path, dsn: str) -> Path:
    """A profile whose password comes from a command; the secret itself lies outside `home`."""
    secret = home.parent / "secret.txt"
    secret.write_text(CANARIES["password"] + "\n")
    words = "\n".join(f'{key} = "{value}"' for key, value in psycopg.conninfo.conninfo_to_dict(dsn).items())
    place = home / "config" / "optischema-tui" / "config.toml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(
        f'[profiles.shop]\nallow_changes = true\npassword_command = ["{shutil.which("cat")}", "{secret}"]\n{words}\n'
    )
    return place


def days_work(day: Day) -> None:
    day.call("doctor", "shop", "--json", codes=(0, 1, 4))
    day.call("collect", "shop", "--interval", "1", "--duration", "5")
    for command in ("top", "objects", "server"):
        day.call(command, "shop", "--json", "--seconds", "1")
    day.call("top", "shop")
    day.call("activity", "shop", "--seconds", "2", "--at", "-1s", codes=(0, 2))
    advice = json.loads(day.call("advise", "shop", "--json"))
    for rec in advice["recommendations"][:1]:
        day.call("approve", rec["id"])
        day.call("apply", rec["id"], "--yes", codes=(0, 1, 5))
    file_of_statements(day)
    for sql in ("CREATE INDEX canary_idx ON items (order_id, id)", "ALTER TABLE items SET (fillfactor = 90)"):
        change = json.loads(day.call("propose", "shop", sql, "--json"))["id"]
        day.call("approve", change, "--json")
        day.call("apply", change, "--json")
        day.call("apply", change, "--yes", "--json")
        day.call("rollback", change, "--yes", "--json")
    day.call("changes", "--all", "--json")
    day.call("changes", "--all")
    day.call("baseline", "create", "shop", "kept", "--minutes", "60", codes=(0, 1, 2))
    day.call("baseline", "list", "--json")
    day.call("policy", "shop", "--json", codes=(0, 1))
    day.call("profiles", "list", "--json")
    day.call("audit", "list", "--json")
    day.call("audit", "verify", "--json")
    for form in ("jsonl", "csv"):
        day.call("audit", "export", "--format", form)


def file_of_statements(day: Day) -> None:
    """Advice on a file with literals of every form, and its index built: the file itself lies outside `home`."""
    file = day.home.parent / "workload.sql"
    file.write_text(WORKLOAD)
    day.call("advise", "shop", "--workload", str(file))
    advice = json.loads(day.call("advise", "shop", "--workload", str(file), "--json"))
    assert advice["workload"]["planned"] >= 8
    assert len(advice["unplanned"]) >= 5
    queries = [each["query"] for each in advice["fidelity"]]
    assert queries.count("SELECT id FROM items WHERE order_id = $1 AND note <> $2") == 1
    made = next(each for each in advice["recommendations"] if each["kind"] == "create_index")
    day.call("opinion", "shop", made["id"], "--json", codes=(0, 1, 2, 4))
    day.call("approve", made["id"])
    day.call("apply", made["id"], codes=(0, 1, 5))
    day.call("apply", made["id"], "--yes", "--json", codes=(0, 1, 5))
    day.call("advise", "shop", "--workload", str(file.parent / "none.sql"), codes=(2,))


def mistakes(day: Day, dsn: str) -> None:
    address = psycopg.conninfo.conninfo_to_dict(dsn)
    url = f"postgresql://canary_dba:{CANARIES['url']}@{address['host']}:{address['port']}/canary_shop"
    day.call("top", url, codes=(2, 3, 4))
    day.call("top", f"{dsn} password={CANARIES['url']}", codes=(2, 3, 4))
    day.call("top", f"host='{CANARIES['url']} x", codes=(2, 3))
    day.call("top", dsn, codes=(0, 3, 4))
    day.call("propose", "shop", f"ALTER ROLE other_role PASSWORD '{CANARIES['other role']}'", codes=(2, 5))
    day.call("profiles", "add", "bad", f"host=x password={CANARIES['url']}", codes=(2,))


def test_no_secret_is_kept_or_said(shop: str, tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    config(home, shop)
    day = Day(home)
    with traffic(f"{shop} password={CANARIES['password']}"):
        days_work(day)
        said_before = len(day.seen_argv)
        mistakes(day, shop)
    # What a person has typed as words of a command stands in /proc by their own doing.
    found = [where for text in day.seen_argv[:said_before] for where in found_in("a command line", text.encode())]
    found += [where for text in day.said for where in found_in(f"what was said: {text[:200]}", text.encode())]
    files = list(kept(home))
    assert any("history.db" in name for name, _ in files)
    assert any("audit.db" in name for name, _ in files)
    for name, content in files:
        found += found_in(name, content)
    assert not found, "\n".join(sorted(set(found)))
