"""The demo's background workload, a process of its own: `python -m optischema_tui.demo.traffic CONNINFO`.

Three sessions with a bounded share of one core between them. The process ends when its stdin does, that is: with the
program that started it, however that ended.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.numeric import Int8

from optischema_tui.core.clock import SYSTEM
from optischema_tui.demo import statements as sql

APPLICATION_NAME = "optischema-demo-traffic"
CUSTOMERS, PRODUCTS, ORDERS, CATEGORIES = 100_000, 20_000, 250_000, 60
RECONNECT_SECONDS = 1.0

Session = psycopg.Connection[Any]
Act = Callable[[Session, random.Random], None]


def _ask(session: Session, text: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement. Whole numbers go as bigint, so that a small and a large id are the same statement."""
    bound = [Int8(value) if isinstance(value, int) else value for value in values]
    cursor = session.execute(text.strip().encode(), bound or None)
    return cursor.fetchall() if cursor.description else []


def _customer(dice: random.Random) -> int:
    return 1 + int(CUSTOMERS * dice.random() ** 3)


def _product(dice: random.Random) -> int:
    return 1 + int(PRODUCTS * dice.random() * dice.random())


def _order(dice: random.Random) -> int:
    return ORDERS - int(ORDERS * dice.random() ** 2)


def browse(session: Session, dice: random.Random) -> None:
    customer = _customer(dice)
    _ask(session, sql.CUSTOMER, customer)
    _ask(session, sql.ADDRESSES, customer)
    for _ in range(dice.randint(1, 5)):
        product = _product(dice)
        _ask(session, sql.PRODUCT, product)
        _ask(session, sql.REVIEWS, product)
        _ask(session, sql.ADD_EVENT, customer, "view", f"/products/{product}")
    _ask(session, sql.SOLD, _product(dice))


def track(session: Session, dice: random.Random) -> None:
    order = _order(dice)
    _ask(session, sql.PAID, order)
    _ask(session, sql.TRACKING, order)
    _ask(session, sql.NEW_ORDERS)


def buy(session: Session, dice: random.Random) -> None:
    with session.transaction():
        ((order,),) = _ask(session, sql.ADD_ORDER, _customer(dice), round(dice.uniform(5, 500), 2))
        for product in sorted({_product(dice) for _ in range(dice.randint(1, 4))}):
            quantity = dice.randint(1, 3)
            _ask(session, sql.ADD_ITEM, order, product, quantity, round(dice.uniform(3, 200), 2))
            _ask(session, sql.TAKE_STOCK, quantity, product, dice.choice(("north", "south")))
        _ask(session, sql.ADD_PAYMENT, order, round(dice.uniform(5, 500), 2))
    _ask(session, sql.SET_STATUS, "paid", order)


def list_category(session: Session, dice: random.Random) -> None:
    for (product,) in _ask(session, sql.LISTING, dice.randint(1, CATEGORIES)):
        _ask(session, sql.LISTED_PRODUCT, product)
        _ask(session, sql.LISTED_STOCK, product)


def open_order(session: Session, dice: random.Random) -> None:
    order = _order(dice)
    _ask(session, sql.ORDER_LINES, order)
    _ask(session, sql.ORDER_TOTAL, order)


def order_history(session: Session, dice: random.Random) -> None:
    status = dice.choice(("shipped", "shipped", "returned", "paid"))
    _ask(session, sql.ORDER_HISTORY, _customer(dice), status)


def overdue(session: Session, _: random.Random) -> None:
    _ask(session, sql.OVERDUE)


def login(session: Session, dice: random.Random) -> None:
    _ask(session, sql.LOGIN, f"customer.{_customer(dice)}@example.com")


def sales_report(session: Session, _: random.Random) -> None:
    _ask(session, sql.SALES_REPORT)


def event_report(session: Session, dice: random.Random) -> None:
    _ask(session, sql.EVENT_REPORT, dice.choice(("view", "checkout", "error")))


@dataclass
class Habit:
    """Something done about every `period` seconds."""

    period: float
    act: Act
    due: float = field(default=0.0)


@dataclass
class Worker:
    """One session and what it does; busy for at most the part `share` of the time."""

    share: float
    habits: Sequence[Habit]
    seed: int

    def run(self, conninfo: str, stop: threading.Event) -> None:
        dice = random.Random(self.seed)
        while not stop.is_set():
            try:
                with psycopg.connect(conninfo, autocommit=True, application_name=APPLICATION_NAME) as session:
                    self._work(session, dice, stop)
            except psycopg.Error as error:
                # The person at the demo may cancel, terminate, lock or drop: traffic goes on with a new session.
                print(f"{APPLICATION_NAME}: {error}", file=sys.stderr, flush=True)
                stop.wait(RECONNECT_SECONDS)

    def _work(self, session: Session, dice: random.Random, stop: threading.Event) -> None:
        while not stop.is_set():
            habit = min(self.habits, key=lambda each: each.due)
            if stop.wait(max(0.0, habit.due - SYSTEM.monotonic())):
                return
            begun = SYSTEM.monotonic()
            habit.act(session, dice)
            ended = SYSTEM.monotonic()
            habit.due = ended + habit.period * dice.uniform(0.7, 1.3)
            stop.wait((ended - begun) * (1 / self.share - 1))


def workers() -> tuple[Worker, ...]:
    """The whole workload. The shares add up to less than half a core."""
    return (
        Worker(0.15, (Habit(0.15, browse), Habit(0.3, track), Habit(0.5, buy), Habit(1.0, list_category)), 1),
        Worker(0.18, (Habit(0.4, open_order), Habit(0.4, order_history), Habit(0.5, login), Habit(0.8, overdue)), 2),
        Worker(0.10, (Habit(20.0, sales_report), Habit(6.0, event_report)), 3),
    )


def main(conninfo: str) -> None:
    """Work until stdin ends."""
    stop = threading.Event()
    for worker in workers():
        threading.Thread(target=worker.run, args=(conninfo, stop), daemon=True).start()
    sys.stdin.buffer.read()
    stop.set()
    os._exit(0)  # a session in the middle of a report would hold up an orderly exit


if __name__ == "__main__":
    main(sys.argv[1])
