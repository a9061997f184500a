"""Changes that wait: for a person who withdraws them, for a hand elsewhere, for the server's restart."""

from __future__ import annotations

from typing import Any

import pytest
import sample_data as sample
from harness import TERMINAL, Stage, stage

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.core.errors import ChangeFailed
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.screens.run_change import RunChangeScreen
from optischema_tui.widgets.advice_text import MAY_WITHDRAW, items_of, state_word

STEPS = (
    "-- Set work_mem to 12MB in the cluster's dynamic configuration, which Patroni gives to every node",
    "-- patronictl edit-config pay -p work_mem=12MB",
    "-- Then say here that it is done: it is looked for, and nothing is sent",
)


def change(place: int, state: ChangeState, title: str, **detail: Any) -> Change:
    return sample.change(
        state, 0, id=f"0190f3c4-0000-7000-8000-0000000002{place:02}", recommendation_id="", title=title, schema="",
        table="", index_name="", forward_sql=f"ALTER SYSTEM SET work_mem = '{place}MB'", inverse_sql="SELECT 1",
        detail=detail,
    )  # fmt: skip


BY_HAND = change(
    1, ChangeState.APPROVED, "By hand: work_mem = 12MB", by_hand=True, steps=list(STEPS),
    undo_steps=["-- Set work_mem to 4096kB there"], subject="work_mem", kind="manual",
)  # fmt: skip
RESTART = change(
    2, ChangeState.APPLIED, "Set max_connections to 80", waits_restart=True, needs_restart=True,
    result="It waits for the server's restart. The server goes on with max_connections = 60",
)  # fmt: skip
PROPOSED = change(3, ChangeState.PROPOSED, "Index orders (total)")
FAILED = change(4, ChangeState.FAILED_CLEAN, "Index orders (note)", error="lock_timeout")
GONE = change(5, ChangeState.WITHDRAWN, "Index orders (city)", withdrawn_because="the column goes")
RUNNING = change(6, ChangeState.EXECUTING, "Index orders (zip)")
WHOLE = (BY_HAND, RESTART, PROPOSED, FAILED, GONE, RUNNING)


class Shown(sample.FakeBridge):
    def ask(self, request: m.Request) -> None:
        if isinstance(request, m.LoadLedger):
            self.app.post_message(m.LedgerReady((), WHOLE, {}))
            self.asked.append(request)
        elif isinstance(request, m.Preflight):
            self.asked.append(request)
            self.app.post_message(
                m.RunBegan(next(each for each in WHOLE if each.id == request.change_id), request.undo)
            )
            for check in sample.checks():
                self.app.post_message(m.RunChecked(check))
            self.app.post_message(m.RunReady(False))
        else:
            super().ask(request)


async def opened(held: Stage, cursor: Change) -> None:
    held.app.bridge = Shown(held.app, None)
    await held.press("3")
    await held.until(lambda: cursor.title in held.text, "the list is loaded")
    held.app.screen.table.move_to(cursor.id)  # type: ignore[attr-defined]
    await held.settle()


@pytest.mark.parametrize("waiting", [BY_HAND, PROPOSED, FAILED], ids=["approved", "proposed", "failed"])
async def test_a_change_that_waits_is_withdrawn_with_a_reason(waiting: Change) -> None:
    async with stage(sample.picture()) as held:
        await opened(held, waiting)
        await held.press("x", "enter")
        assert held.asked(m.Withdraw) == [], "without a reason nothing is done"
        await held.press(*"not now", "enter")
        assert [(one.change_id, one.reason) for one in held.asked(m.Withdraw)] == [(waiting.id, "not now")]
        assert held.asked(m.Dismiss) == []


@pytest.mark.parametrize(("other", "told"), [(RESTART, "u takes it back"), (RUNNING, "cannot be"), (GONE, "cannot be")])
async def test_what_runs_or_is_on_the_server_is_not_withdrawn(other: Change, told: str) -> None:
    async with stage(sample.picture()) as held:
        await opened(held, other)
        await held.press("x")
        assert held.asked(m.AskWithdraw) == held.asked(m.AskDismiss) == []
        await held.until(lambda: told in held.text, "it says why")


async def test_a_recommendation_is_free_again_when_its_change_was_withdrawn() -> None:
    withdrawn = sample.change(ChangeState.WITHDRAWN, 0, detail={"withdrawn_because": "not now"})

    class Free(Shown):
        def ask(self, request: m.Request) -> None:
            if isinstance(request, m.LoadLedger):
                self.app.post_message(m.LedgerReady((sample.recommendation(0),), (withdrawn,), {}))
            else:
                super().ask(request)

    async with stage(sample.picture()) as held:
        held.app.bridge = Free(held.app, None)
        await held.press("3")
        await held.until(lambda: "withdrawn" in held.text, "the list is loaded")
        await held.press("a")
        assert [one.wanted for one in held.asked(m.Approve)] == [sample.recommendation(0).id]
        await held.press("x", *"too big", "enter")
        assert [one.recommendation_id for one in held.asked(m.Dismiss)] == [sample.recommendation(0).id]
        assert held.asked(m.Withdraw) == []


async def test_a_withdrawn_change_that_was_written_is_written_anew() -> None:
    async with stage(sample.picture()) as held:
        await opened(held, GONE)
        await held.press("a")
        assert held.asked(m.Approve) == []
        await held.until(lambda: "write it anew" in held.text, "it says what to do")


def test_every_state_has_a_word_and_an_undo_that_was_withdrawn_is_not_listed() -> None:
    for state in ChangeState:
        assert state_word(items_of((), (sample.change(state, 0),))[0])[0]
    undo = sample.change(ChangeState.WITHDRAWN, 0, recommendation_id="", rolls_back=RESTART.id)
    assert items_of((), (undo,)) == ()
    assert frozenset({ChangeState.PROPOSED, ChangeState.APPROVED, ChangeState.FAILED_CLEAN}) == MAY_WITHDRAW


async def test_the_list_says_what_each_waits_for() -> None:
    async with stage(sample.picture(), size=(200, 60)) as held:
        await opened(held, RESTART)
        assert "applied: waits for the server's restart" in held.text
        assert "restart  " in held.text
        await opened(held, BY_HAND)
        assert "approved: waits to be done by hand" in held.text
        assert "A says that you have done it" in held.text
        assert "nothing of it is sent" in held.text


async def test_a_change_by_hand_is_said_to_be_done() -> None:
    async with stage(sample.picture(), size=(120, 60)) as held:
        await opened(held, BY_HAND)
        await held.press("A")
        await held.until(lambda: "Yours to do." in held.text, "the preflight is over")
        assert "type done and press Enter: I have done it, look now" in " ".join(held.text.split())
        assert "runs exactly" not in held.text
        await held.press(*"apply", "enter")
        assert held.asked(m.Run) == [], "that is not what it does"
        screen = held.app.screen
        assert isinstance(screen, RunChangeScreen)
        for _ in "apply":
            await held.press("backspace")
        await held.press(*"done", "enter")
        assert [(one.change_id, one.undo, one.typed) for one in held.asked(m.Run)] == [(BY_HAND.id, False, ())]
        await held.tell(m.RunFailed(ChangeFailed("The change is not in force yet", "work_mem is 4096kB, not 12MB")))
        assert "not in force yet" in held.text
        await held.press("escape", "A")
        assert len(held.asked(m.Preflight)) == 2, "the same key looks again"


async def test_after_the_apply_it_says_that_the_restart_is_waited_for() -> None:
    async with stage(sample.picture(), size=(120, 60)) as held:
        await opened(held, BY_HAND)
        await held.press("A")
        await held.tell(m.RunDone(RESTART))
        told = " ".join(held.text.split())
        assert "the change waits for the server's restart" in told
        assert "measured from now on" not in told


async def settled(pilot: Any) -> None:
    for _ in range(8):
        await pilot.pause()


@pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("key", ["", "A"], ids=["list", "run"])
def test_picture(snap_compare: Any, key: str, size: tuple[int, int]) -> None:
    app = OptischemaApp(
        sample.spec(allow_changes=True, interval=5.0), lambda app: Shown(app, sample.picture()), terminal=TERMINAL,
        clock=sample.clock(),
    )  # fmt: skip

    async def wait(pilot: Any) -> None:
        await pilot.press("3")
        await settled(pilot)
        pilot.app.screen.table.move_to(BY_HAND.id)
        if key:
            await pilot.press(key)
        await settled(pilot)

    assert snap_compare(app, terminal_size=size, run_before=wait)
