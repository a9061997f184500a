"""Changes that a person writes, several in order, and those that nothing undoes: each is seen whole and confirmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sample_data as sample
from harness import TERMINAL, Stage, stage
from textual import events

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, Level
from optischema_tui.screens.propose import ProposeScreen
from optischema_tui.screens.run_change import RunChangeScreen

LONG = (
    "CREATE INDEX CONCURRENTLY order_items_product_id_created_at_quantity_os1 ON public.order_items"
    " (product_id, lower(note), created_at DESC) WHERE (deleted_at IS NULL AND quantity > 0)"
)
STEPS = (
    "CREATE STATISTICS public.orders_city_zip (dependencies) ON city, zip FROM public.orders",
    LONG,
    "ANALYZE public.orders",
)


def change(place: int, state: ChangeState = ChangeState.APPROVED, **values: Any) -> Change:
    return replace(
        sample.change(state, 0), id=f"0190f3c4-0000-7000-8000-0000000001{place:02}", recommendation_id="", **values
    )


STEPPED = change(
    1, title="Statistics of orders (city, zip)", forward_sql=";\n".join(STEPS), inverse_sql="DROP STATISTICS x",
    detail={"steps": list(STEPS), "undo_steps": ["DROP STATISTICS x"], "subject": "public.orders_city_zip",
            "cautions": ["Plans of other statements may change too"]},
)  # fmt: skip
FINAL = change(
    2, title="ANALYZE of orders", forward_sql="ANALYZE public.orders", inverse_sql="",
    detail={"steps": ["ANALYZE public.orders"], "undo_steps": [], "subject": "\"public\".\"orders\""},
)  # fmt: skip
PLAIN = change(3, title="Index orders (customer_id)")
PROPOSED = change(4, ChangeState.PROPOSED, title="Index orders (total)", approved_by="")
CHECKS = (
    Check("changes allowed", Level.PASS, "The profile enables changes on this target"),
    Check("primary", Level.PASS, "The server takes writes", "SELECT pg_is_in_recovery() AS in_recovery"),
    Check("way back", Level.WARN, "Nothing undoes this change: it only runs after public.orders was typed"),
)


class Shown(sample.FakeBridge):
    """A ledger of written changes, and a preflight of each that passes."""

    ledger = (STEPPED, FINAL, PLAIN, PROPOSED)

    def ask(self, request: m.Request) -> None:
        if isinstance(request, m.LoadLedger):
            self.app.post_message(m.LedgerReady((), self.ledger, {}))
            self.asked.append(request)
        elif isinstance(request, m.Preflight):
            self.asked.append(request)
            known = {each.id: each for each in self.ledger}
            first, *more = (known[each] for each in (request.change_id, *request.more))
            self.app.post_message(m.RunBegan(first, request.undo, tuple(more)))
            for place in range(1 + len(more)):
                self.app.post_message(m.RunAt(place))
                for check in CHECKS:
                    self.app.post_message(m.RunChecked(check))
                self.app.post_message(m.RunReady(False))
        else:
            super().ask(request)


async def opened(held: Stage) -> None:
    held.app.bridge = Shown(held.app, None)
    await held.press("3")
    await held.until(lambda: "ANALYZE of orders" in held.text, "the list is loaded")


async def on(held: Stage, change: Change) -> None:
    """Put the cursor on it."""
    screen: Any = held.app.screen
    screen.table.move_to(change.id)
    await held.settle()


async def run_of(held: Stage, *changes: Change) -> None:
    for each in changes[1:] and changes:
        await on(held, each)
        await held.press("space")
    await on(held, changes[0])
    await held.press("A")
    await held.until(lambda: "Ready." in held.text, "the preflight is over")


def shown(held: Stage) -> str:
    """The lines of the run screen, whether they fit or not."""
    return held.app.screen.query_one("#steps").text  # type: ignore[attr-defined,no-any-return]


async def test_a_written_statement_is_proposed_and_the_reason_why_not_keeps_the_text() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("n", *"analyze orders", "enter")
        assert [request.sql for request in held.asked(m.Propose)] == ["analyze orders"]
        await held.tell(m.Proposing())
        await held.press("enter")
        assert len(held.asked(m.Propose)) == 1, "one is asked for at a time"
        await held.tell(
            m.Proposed(ChangeRefused("There is no table orders", "It is not in the search path", "Name it"))
        )
        for part in ("There is no table orders", "It is not in the search path", "Name it", "analyze orders"):
            assert part in held.text
        await held.press(*"2", "escape")
        assert not isinstance(held.app.screen, ProposeScreen)
        await held.press("n")
        assert "analyze orders2" in held.text, "what was left is still there"
        await held.press("enter")
        await held.tell(m.Proposed(PROPOSED))
        assert not isinstance(held.app.screen, ProposeScreen)
        assert held.app.screen.table.current.change is PROPOSED  # type: ignore[attr-defined]
        await held.press("n")
        assert "analyze orders2" not in held.text, "a proposed one begins anew"


async def test_a_text_of_several_lines_can_be_pasted() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await opened(held)
        await held.press("n")
        held.app.post_message(events.Paste("CREATE INDEX ON orders\n  (total) -- by total\n"))
        await held.settle()
        await held.press("enter")
        assert [request.sql for request in held.asked(m.Propose)] == ["CREATE INDEX ON orders\n  (total) -- by total\n"]


async def test_a_proposed_change_is_approved_by_its_own_id() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await on(held, PROPOSED)
        await held.press("A")
        assert not isinstance(held.app.screen, RunChangeScreen)
        await held.press("a")
        assert [request.wanted for request in held.asked(m.Approve)] == [PROPOSED.id]


async def test_only_approved_changes_take_a_mark_and_lose_it_with_their_state() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await on(held, PROPOSED)
        await held.press("space")
        screen: Any = held.app.screen
        assert screen._marks == {}
        for each in (PLAIN, STEPPED):
            await on(held, each)
            await held.press("space")
        assert screen._marks == {PLAIN.id: "1", STEPPED.id: "2"}
        await held.tell(m.LedgerReady((), (STEPPED, replace(PLAIN, state=ChangeState.VERIFYING)), {}))
        assert screen._marks == {STEPPED.id: "1"}
        await held.press("space")
        assert screen._marks == {}


async def test_every_statement_tells_where_it_stands() -> None:
    async with stage(sample.picture(), size=(120, 60)) as held:
        await opened(held)
        await run_of(held, STEPPED)
        assert "3 statements, in this order" in shown(held)
        assert "Plans of other statements may change too" in shown(held)
        await held.press(*"apply", "enter")
        await held.tell(m.RunStarted(), m.RunTick(BuildProgress("building index: scanning table", 4, 8, 4711, 3.0, 1)))
        text = shown(held)
        assert "✓   1  CREATE STATISTICS" in text
        assert "→   2  CREATE INDEX" in text
        assert "    3  ANALYZE" in text
        assert "statement 2 of 3" in text
        assert "backend pid 4711" in text
        failed = replace(STEPPED, state=ChangeState.LEFTOVER, detail={**STEPPED.detail, "step": 1})
        await held.tell(m.RunFailed(ChangeFailed("You cancelled it")), m.LedgerReady((), (failed,), {}))
        assert "✗   2  CREATE INDEX" in shown(held)


async def test_what_nothing_undoes_wants_its_subject() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await run_of(held, FINAL)
        assert "Nothing undoes this change." in shown(held)
        await held.press(*"apply", "enter")
        assert held.asked(m.Run) == []
        await held.press(*["backspace"] * 5, *"public.orders", "enter")
        assert [(request.change_id, request.typed) for request in held.asked(m.Run)] == [(FINAL.id, ("public.orders",))]


async def test_the_marked_changes_run_in_order_and_end_with_the_first_surprise() -> None:
    async with stage(sample.picture(), size=(120, 60)) as held:
        await opened(held)
        await run_of(held, PLAIN, FINAL, STEPPED)
        assert "3 changes, in this order" in shown(held)
        await held.press(*"apply", "enter")
        assert held.asked(m.Run) == [], "the subject of the one without a way back is still to come"
        assert "type public.orders" in shown(held)
        await held.press(*"public.orders", "enter")
        (asked,) = held.asked(m.Run)
        assert (asked.change_id, asked.more, asked.typed) == (PLAIN.id, (FINAL.id, STEPPED.id), ("public.orders",))
        await held.tell(m.RunStarted(), m.RunAt(0), m.RunDone(replace(PLAIN, state=ChangeState.VERIFYING)), m.RunAt(1))
        assert "change 2 of 3" in shown(held)
        await held.tell(m.RunFailed(ChangeFailed("The table is locked")))
        text = shown(held)
        assert "Index orders (customer_id)  done" in text
        assert "ANALYZE of orders  failed" in text
        assert "orders (city, zip)  not begun" in text
        assert "1 of its changes was not begun" in text


async def test_a_batch_with_one_blocked_change_cannot_be_confirmed() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await run_of(held, PLAIN, STEPPED)
        await held.tell(m.RunBegan(PLAIN, False, (STEPPED,)), m.RunReady(True), m.RunAt(1), m.RunReady(False))
        assert "nothing was run" in shown(held)
        await held.press(*"apply", "enter")
        assert held.asked(m.Run) == []


async def test_the_query_behind_each_line() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await run_of(held, PLAIN)
        await held.press("f2")
        assert "pg_is_in_recovery()" in shown(held)
        assert "no query: it is known here" in shown(held)
        await held.press("tab", "v")
        assert "pg_is_in_recovery()" not in shown(held)
        await held.press("tab", *"apply", "enter")
        assert len(held.asked(m.Run)) == 1, "Tab leads back to the question"


# --- pictures ---


def app() -> OptischemaApp:
    return OptischemaApp(
        sample.spec(allow_changes=True, interval=5.0), lambda app: Shown(app, sample.picture()), terminal=TERMINAL,
        clock=sample.clock(),
    )  # fmt: skip


async def settled(pilot: Any) -> None:
    for _ in range(8):
        await pilot.pause()


@pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_a_question(snap_compare: Any, size: tuple[int, int]) -> None:
    async def ask(pilot: Any) -> None:
        await pilot.press("3", "n", *"create index on orders (total)")
        pilot.app.post_message(m.Proposed(ChangeRefused("There is no table orders", "", "Name one that is there")))
        await settled(pilot)

    assert snap_compare(app(), terminal_size=size, run_before=ask)


@pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("stage", ["ready", "queries", "running"])
def test_picture_of_a_run(snap_compare: Any, stage: str, size: tuple[int, int]) -> None:
    async def run(pilot: Any) -> None:
        await pilot.press("3")
        await settled(pilot)
        pilot.app.screen.table.move_to(STEPPED.id)
        await pilot.press("A")
        await settled(pilot)
        if stage == "queries":
            await pilot.press("f2")
        elif stage == "running":
            pilot.app.post_message(m.RunStarted())
            progress = BuildProgress("building index: scanning table", 41_200, 96_000, 4711, 12.0, 1)
            pilot.app.post_message(m.RunTick(progress))
        await settled(pilot)

    assert snap_compare(app(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_marks(snap_compare: Any, size: tuple[int, int]) -> None:
    async def mark(pilot: Any) -> None:
        await pilot.press("3")
        await settled(pilot)
        for each in (PLAIN, STEPPED):
            pilot.app.screen.table.move_to(each.id)
            await pilot.press("space")
        await settled(pilot)

    assert snap_compare(app(), terminal_size=size, run_before=mark)
