"""The way of a recommendation on screen: nothing runs that was not seen and confirmed by a typed word."""

from __future__ import annotations

import sample_data as sample
from harness import Stage, stage

from optischema_tui import messages as m
from optischema_tui.core.errors import ChangeFailed, LabError
from optischema_tui.core.models import AdviceRun, BuildProgress, ChangeState, CurvePoint, Fidelity
from optischema_tui.screens.dialogs import ConfirmScreen
from optischema_tui.screens.run_change import RunChangeScreen

RUN = AdviceRun(
    "3 recommendations: 40 statements",
    gain=0.62,
    bound=0.65,
    curve=(
        CurvePoint(0, 0.0, 0),
        CurvePoint(8 << 20, 0.41, 1),
        CurvePoint(64 << 20, 0.6, 2),
        CurvePoint(90 << 20, 0.62, 3),
    ),
    why_not=("(a) is covered",),
    unplanned=("SELECT: no",),
    not_modelled=("foreign table x",),
    fidelity=(
        Fidelity(1, "SELECT 1", 100.0, 100.0, True),
        Fidelity(2, "SELECT 2", 100.0, 140.0, False),
        Fidelity(3, "SELECT 3", error="Target: permission denied"),
    ),
)
APPROVED = sample.change(ChangeState.APPROVED, 0)


async def opened(held: Stage) -> None:
    await held.press("3")
    await held.until(lambda: "Index events" in held.text, "the list is loaded")


async def at_the_confirmation(held: Stage) -> None:
    await opened(held)
    await held.press("A")
    await held.until(lambda: "Ready." in held.text, "the preflight is over")


async def test_the_advisor_runs_once_and_shows_its_steps() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.tell(m.AdviceStep("reading schema and statistics", 0.25))
        await held.press("R")
        assert held.asked(m.Advise) == []
        assert "reading schema and statistics" in held.text
        assert "25%" in held.text
        await held.tell(m.AdviceReady(RUN))
        assert "3 recommendations: 40 statements" in held.text
        await held.press("R")
        assert len(held.asked(m.Advise)) == 1


async def test_the_search_can_be_stopped_and_keeps_what_it_found() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("escape", "c")
        assert held.asked(m.StopAdvice) == [], "nothing runs"
        await held.tell(m.AdviceStep("choosing a set", 0.8))
        await held.press("escape", "c")
        assert len(held.asked(m.StopAdvice)) == 2


async def test_a_budget_is_asked_for_and_a_wrong_one_stays_in_the_question() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("b", *"lots", "enter")
        assert "is not a size" in held.text
        await held.press(*["backspace"] * 4, *"2GB", "enter")
        assert [request.budget_bytes for request in held.asked(m.Advise)] == [2 << 30]


async def test_the_run_shows_gain_against_bytes_and_how_true_the_lab_is() -> None:
    async with stage(sample.picture(), size=(120, 90)) as held:
        await opened(held)
        await held.tell(m.AdviceReady(RUN))
        await held.press("w")
        text = held.text
        assert "no set saves more than 65.0%; this one 62.0%" in text
        assert "8.0 MB   41.0%  1 index" in text
        assert "1 of 2 plans as on the target" in text
        assert "40.0%  other plan" in text
        assert "not compared" in text
        assert "foreign table x" in text


async def test_a_second_opinion_is_asked_for_by_its_key() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("o")
        assert [request.recommendation_id for request in held.asked(m.SecondOpinion)] == [sample.recommendation(0).id]


async def test_a_failed_advisor_is_not_an_empty_list() -> None:
    async with stage(sample.picture()) as held:
        await held.press("3")
        await held.tell(
            m.LedgerReady((), (), {}), m.AdviceFailed(LabError("The lab needs PostgreSQL 18", "none found"))
        )
        assert "The lab needs PostgreSQL 18" in held.text
        assert "found no index" not in held.text


async def test_approve_and_dismiss_ask_for_what_stands_under_the_cursor() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("a")
        assert [request.wanted for request in held.asked(m.Approve)] == [APPROVED.id], "its approval may have expired"
        await held.press("j", "a")
        assert len(held.asked(m.Approve)) == 2, "a kept one is recommended again"
        await held.press("G", "a", "U")
        last = held.asked(m.Approve)[-2:]
        assert [(request.wanted, request.auto_undo) for request in last] == [
            (sample.recommendation(2).id, False), (sample.recommendation(2).id, True)
        ]  # fmt: skip
        await held.press("x", *"too big", "enter")
        assert [(request.recommendation_id, request.reason) for request in held.asked(m.Dismiss)] == [
            (sample.recommendation(2).id, "too big")
        ]


async def test_dismiss_without_a_reason_does_nothing() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("G", "x", "enter", "escape")
        assert held.asked(m.Dismiss) == []


async def test_why_shows_the_rejected_alternatives() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await opened(held)
        await held.press("w")
        assert "leaves the sort, cost 911 against 212" in " ".join(held.text.split())


async def test_read_only_never_reaches_the_preflight() -> None:
    async with stage(sample.picture(), allow_changes=False) as held:
        await opened(held)
        await held.press("A")
        assert not isinstance(held.app.screen, RunChangeScreen)
        assert held.asked(m.Preflight) == []
        assert "--allow-changes" in held.text


async def test_preflight_then_a_typed_word_then_progress_then_the_result() -> None:
    async with stage(sample.picture()) as held:
        await at_the_confirmation(held)
        assert 'CREATE INDEX CONCURRENTLY "orders_customer_id_created_at_idx"' in held.text
        assert 'DROP INDEX CONCURRENTLY "public"."orders_customer_id_created_at_idx"' in held.text
        assert "warn" in held.text
        await held.press(*"yes", "enter")
        assert held.asked(m.Run) == [], "another word runs nothing"
        await held.press(*["backspace"] * 3, *"apply", "enter")
        assert [(request.change_id, request.undo) for request in held.asked(m.Run)] == [(APPROVED.id, False)]
        await held.tell(m.RunStarted(), m.RunTick(BuildProgress("building index: scanning table", 412, 960, 4711, 3.0)))
        assert "43%" in held.text
        assert "backend pid 4711" in held.text
        assert "BUILDING 43%" in held.text.splitlines()[-1]
        await held.press("c")
        assert len(held.asked(m.CancelRun)) == 1
        await held.tell(m.RunDone(sample.change(ChangeState.VERIFYING)))
        assert "Done: the change is verifying" in held.text
        await held.press("escape")
        assert not isinstance(held.app.screen, RunChangeScreen)


async def test_a_blocked_preflight_cannot_be_confirmed() -> None:
    async with stage(sample.picture()) as held:
        await at_the_confirmation(held)
        await held.tell(m.RunBegan(APPROVED, False), *(m.RunChecked(check) for check in sample.checks(blocked=True)))
        await held.tell(m.RunReady(True))
        assert "block" in held.text
        assert "nothing was run" in held.text
        await held.press(*"apply", "enter")
        assert held.asked(m.Run) == []


async def test_a_failed_change_is_told() -> None:
    async with stage(sample.picture()) as held:
        await at_the_confirmation(held)
        await held.tell(m.RunStarted(), m.RunFailed(ChangeFailed("The build was cancelled", "by you", "All clean")))
        for part in ("The build was cancelled", "by you", "All clean"):
            assert part in held.text


async def test_roll_back_shows_the_inverse_as_what_runs_and_wants_its_own_word() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("j", "u")
        await held.until(lambda: "Ready." in held.text, "the preflight is over")
        assert held.text.index("DROP INDEX") < held.text.index("CREATE INDEX")
        await held.press(*"apply", "enter")
        assert held.asked(m.Run) == []
        await held.press(*["backspace"] * 5, *"undo", "enter")
        assert [(request.change_id, request.undo) for request in held.asked(m.Run)] == [
            (sample.change(ChangeState.KEPT, 1).id, True)
        ]


async def test_quit_asks_while_a_build_runs_and_not_otherwise() -> None:
    async with stage(sample.picture()) as held:
        await at_the_confirmation(held)
        await held.tell(m.RunStarted())
        await held.press("escape", "q")
        await held.until(lambda: isinstance(held.app.screen, ConfirmScreen), "the question stands")
        assert "Quitting does not cancel it" in " ".join(held.text.split())
        await held.press("n")
        assert held.app.is_running
        await held.tell(m.RunDone(sample.change(ChangeState.VERIFYING)))
        await held.press("q")
        assert held.app.return_code == 0


async def test_measured_effect_stands_beside_the_change() -> None:
    async with stage(sample.picture()) as held:
        await opened(held)
        await held.press("j")
        assert "92x less" in " ".join(held.text.split())


async def test_what_an_earlier_run_left_is_told() -> None:
    async with stage(sample.picture()) as held:
        await held.tell(m.Reconciled(("Index orders: the build had ended; it is valid.",)))
        assert "Index orders: the build had ended; it is valid." in held.text
        assert "Esc puts this away" in held.text
        await held.press("escape")
        assert "the build had ended" not in held.text
