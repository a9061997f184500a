"""Parameters of the fleet's statements: keys of rows that exist, each with the tenant it belongs to."""

from __future__ import annotations

import hashlib
from datetime import datetime

from benchmarks.index_selection.templates import Draw, quoted

END = datetime(2025, 7, 1)
TENANTS, MEMBERS, VEHICLES, TICKETS, TRIPS, FAULTS = 500, 50_000, 60_000, 220_000, 500_000, 350_000
AGENTS = 3_000
KEYS = 9_000


class FleetDraw(Draw):
    def __init__(self, key: str) -> None:
        super().__init__(key, END)

    def tenant(self) -> int:
        """The big ones ask most."""
        return 1 + int(TENANTS * self.random.random() ** 3)

    def vehicle(self) -> int:
        return self.skew(VEHICLES, 1.8)

    def ticket(self) -> int:
        return self.late(TICKETS, 0.03)

    def member(self) -> int:
        return self.key(MEMBERS)

    def agent(self) -> int:
        return 1 + int(AGENTS * self.random.random() ** 2)

    def email(self) -> str:
        number = self.member()
        return quoted(f"{self.random.choice(('member', 'Member'))}.{number}@company{number % 977}.example")

    def token_hash(self) -> str:
        return quoted(hashlib.md5(f"key{self.late(KEYS, 0.5)}".encode()).hexdigest())

    def vin(self) -> str:
        return quoted(hashlib.md5(f"vin{self.vehicle()}".encode()).hexdigest()[:17].upper())

    def plate(self) -> str:
        """Typed as anyone would, in small letters."""
        number = self.vehicle()
        return quoted(f"f{chr(97 + number % 26)} {number:06d}")

    def reference(self) -> str:
        """Of a ticket; four of five tickets have none, so many are not found."""
        return quoted("EXT-" + hashlib.md5(f"ref{self.ticket()}".encode()).hexdigest()[:12])


def tenant_of_vehicle(vehicle: int) -> int:
    return 1 + int(TENANTS * (vehicle * 7919 % 60013 / 60013) ** 3)


def tenant_of_ticket(ticket: int) -> int:
    return 1 + int(TENANTS * (ticket * 7919 % 220009 / 220009) ** 3)
