"""Keys while server and network misbehave: the screen must answer within 200 ms whatever happens behind it.

make bench-faults
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import psycopg
from terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "adversity"))
from proxy import Proxy  # noqa: E402

PYTHON = str(ROOT / ".venv/bin/python")
COLUMNS = [f"c{number}" for number in range(14)]
STATEMENTS = 2000
SERVER = """
import sys
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
settings = {"shared_preload_libraries": "pg_stat_statements", "fsync": "off"}
with start_cluster(find_binaries(), prefix="optischema-bench-", settings=settings) as cluster:
    print(cluster.dsn(), flush=True)
    for line in sys.stdin:
        getattr(cluster, line.strip())()
        print("done", flush=True)
"""


class Network:
    """The proxy on an event loop of its own thread."""

    def __init__(self, unix: Path) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.proxy = Proxy(unix=unix)
        self.do(self.proxy.__aenter__())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def call(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        self.do(run())


def fill(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(f"CREATE TABLE wide ({', '.join(f'{name} int' for name in COLUMNS)})")
        for subset in islice((s for size in range(3, 9) for s in combinations(COLUMNS, size)), STATEMENTS):
            session.execute(f"SELECT {', '.join(subset)} FROM wide".encode())


def main() -> None:
    server = subprocess.Popen([PYTHON, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    dsn = server.stdout.readline().strip()
    parts = dict(word.split("=", 1) for word in dsn.split())
    fill(dsn)
    network = Network(Path(parts["host"], f".s.PGSQL.{parts['port']}"))
    proxy = network.proxy

    def tell(order: str) -> None:
        server.stdin.write(f"{order}\n")
        server.stdin.flush()
        server.stdout.readline()

    def slow(seconds: float) -> None:
        proxy.delay = seconds

    faults: list[tuple[str, Callable[[], None]]] = [
        ("nothing wrong", lambda: None),
        ("5 s latency", lambda: network.call(lambda: slow(5.0))),
        ("connections reset", lambda: network.call(proxy.reset)),
        ("an answer that ends in its middle", lambda: network.call(lambda: proxy.fall_silent_after(500))),
        ("black hole", lambda: network.call(proxy.black_hole)),
        ("server halted", lambda: tell("halt")),
    ]
    with tempfile.TemporaryDirectory() as state:
        target = f"host=127.0.0.1 port={proxy.port} user={parts['user']} dbname={parts['dbname']}"
        terminal = Terminal([PYTHON, "-m", "optischema_tui", target, "--state-dir", state, "--interval", "1"])
        try:
            terminal.wait(lambda text: "wide" in text)
            terminal.send(b"2")
            time.sleep(0.5)
            for _ in range(15):
                terminal.send(b"j")
                time.sleep(0.05)
            for name, begin in faults:
                begin()
                median, p95, longest = terminal.key_latency([b"j", b"k"], 40, 12, 40)
                print(
                    f"{name:<36} key to repaint {median:5.1f} / {p95:5.1f} / {longest:6.1f} ms (median / p95 / max)"
                    f"   {status(terminal)[:40]}",
                    flush=True,
                )
                if name == "server halted":
                    tell("resume")
                network.call(proxy.heal)
                live_again(terminal)
        finally:
            terminal.close()
            server.stdin.close()
            server.wait()


def status(terminal: Terminal) -> str:
    return next((line.strip() for line in terminal.text().split("\n")[::-1] if line.strip()), "")


def live_again(terminal: Terminal) -> None:
    end = time.monotonic() + 90
    while "live" not in status(terminal):
        if time.monotonic() > end:
            raise SystemExit(f"it never came back:\n{terminal.text()}")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
