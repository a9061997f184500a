"""Sessions that nearly fill what the server takes."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts
from optischema_tui.core.findings.settings.saying import told
from optischema_tui.core.models import Finding, Impact, Reason

NAME = "max_connections"
_FULL = 0.9


def find(facts: Facts) -> Iterator[Finding]:
    """No new value is proposed: most often a pool is what lacks, and each session costs memory and snapshots."""
    setting = facts.settings.get(NAME)
    kept = facts.number("superuser_reserved_connections", 3.0) + facts.number("reserved_connections", 0.0)
    room = facts.number(NAME) - kept
    if setting is None or room <= 0 or facts.most_connections < _FULL * room:
        return
    yield told(
        facts, setting, "nearly full",
        f"{facts.most_connections} sessions were there at once, of {room:.0f} that the server takes",
        reasons=(
            Reason("sessions_near_limit", "The next ones are refused"),
            Reason("pool_first", "Put a connection pool between, or make its pools smaller; a larger max_connections "
                   "needs a restart, and on standbys first"),
        ),
        impact=(Impact("sessions", float(facts.most_connections)),),
        evidence=(f"{NAME} {facts.number(NAME):.0f}, of which {kept:.0f} are reserved",),
    )  # fmt: skip
