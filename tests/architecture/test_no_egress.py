"""The program speaks to the target and to its own lab, and to nobody else."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
from psycopg.conninfo import conninfo_to_dict

WATCH = """
import json, sys
seen = []
def hook(event, arguments):
    if event == "socket.connect":
        seen.append(str(arguments[1]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto"):
        seen.append(event + " " + str(arguments[0]))
sys.addaudithook(hook)
import psycopg
connect = psycopg.Connection.connect.__func__
def watched(cls, conninfo="", **words):
    told = psycopg.conninfo.conninfo_to_dict(conninfo, **{k: v for k, v in words.items() if isinstance(v, (str, int))
                                                         and k not in ("autocommit", "prepare_threshold")})
    seen.append(str(told.get("host")))
    return connect(cls, conninfo, **words)
psycopg.Connection.connect = classmethod(watched)
psycopg.connect = psycopg.Connection.connect
from optischema_tui.cli import run
code = run(sys.argv[1:])
print(json.dumps(seen), file=sys.stderr)
sys.exit(code)
"""


def places(*words: str) -> set[str]:
    """Every address that one call of the program asked for or connected to."""
    told = subprocess.run([sys.executable, "-c", WATCH, *words], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return set(json.loads(told.stderr.splitlines()[-1]))


def test_only_the_target_and_the_lab_are_spoken_to(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE notes (id int, body text)")
        session.execute("INSERT INTO notes SELECT i, 'note ' || i FROM generate_series(1, 50000) i")
        session.execute("ANALYZE notes")
        session.execute("SELECT * FROM notes WHERE id = 7")
    target = str(conninfo_to_dict(fresh_db)["host"])
    for words in (["top", fresh_db], ["doctor", fresh_db], ["advise", fresh_db], ["lab", fresh_db, "--check"]):
        spoken = places(*words)
        assert any(place.startswith(target) for place in spoken)
        others = {place for place in spoken if not place.startswith(target) and "/optischema-lab-" not in place}
        assert not others, f"{words[0]} also spoke to {others}"
