"""Text of a server is data: whatever it holds, nothing crashes and it stands inert on every screen."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
import sample_data as sample
import sample_readings as readings
from harness import Stage, stage

from optischema_tui import messages as m
from optischema_tui.core.audit.journal import VerifyResult
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.models import AdviceRun, AuditEntry, Baseline, ChangeState, Check, CurvePoint, Fidelity, Level
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.state import Past, Sight

EVIL = "[/x] [red]a[/] \x1b]0;owned\x07 \x1b[2J \x9b31m \u202ertl\u2066 \x00 $(x) \x1b]52;c;b3du\x07 \ud800 \U000e0041"


RUN = AdviceRun(EVIL, why_not=(EVIL,), unplanned=(EVIL,), not_modelled=(EVIL,), curve=(CurvePoint(0, 0, 0),),
                fidelity=(Fidelity(1, EVIL, 1, 2), Fidelity(2, EVIL, error=EVIL)))  # fmt: skip


def inert(text: str) -> None:
    bad = {character for character in text.replace("\n", "") if unicodedata.category(character) in ("Cc", "Cf", "Cs")}
    assert not bad, [hex(ord(character)) for character in bad]


COLLECTED = (["6"], ["j"], ["slash", "x", "enter"], ["escape"], ["E"], ["7"], ["E"], ["v"], ["8"], ["G"], ["E"], ["9"],
             ["j"], ["E"], ["1"], ["f"], ["escape"])  # fmt: skip


async def walk(held: Stage) -> None:
    for keys in (["1"], ["enter"], ["escape"], ["2"], ["slash", "x", "enter"], ["escape"], ["enter"], ["escape"], ["3"],
                 ["w"], ["w"], ["A"], ["escape"], ["4"], ["j"], ["5"], ["m"], ["question_mark"],
                 ["escape"], ["E"]):  # fmt: skip
        await held.press(*keys)
        inert(held.text)
        assert held.app.is_running


def evil_readings() -> list[m.Fact]:
    """Every text of every reading, session and capability replaced."""

    def evil(value: Any) -> Any:
        return EVIL if isinstance(value, str) else value

    told: list[m.Fact] = []
    for reading, before in readings.readings().values():
        rows = tuple(tuple(evil(value) for value in row) for row in reading.rows)
        told.append(m.ReadingReady(replace(reading, rows=rows, lacking=(EVIL,)), before))
    told.append(m.ReadingReady(readings.reading("io", [], problem=EVIL), None))
    texts = ("role", "database", "application", "client", "wait_type", "wait_event", "query", "backend_type")
    sessions = tuple(replace(each, **dict.fromkeys(texts, EVIL)) for each in readings.activity().sessions)
    point = replace(readings.waits()[-1], by_class=((EVIL, 2.0),))
    told.append(m.ActivityReady(readings.activity(sessions=sessions), (*readings.waits()[:-1], point)))
    known = readings.capabilities()
    parts = tuple(replace(part, title=EVIL, reason=EVIL, remedy=EVIL) for part in known.parts)
    return [*told, m.Doctored(replace(known, parts=parts, environment=(EVIL,), role=EVIL), sample.TARGET)]


@pytest.mark.parametrize("size", [(200, 50), (80, 24)])
async def test_hostile_text_everywhere(size: tuple[int, int], tmp_path: object) -> None:
    rows = (sample.row(0, text=EVIL), sample.row(1, text=EVIL * 50), replace(sample.row(2), role=EVIL, database=EVIL))
    shown = sample.picture(rows=rows, notices=(EVIL,), target=replace(sample.TARGET, label=EVIL, database=EVIL))
    async with stage(shown, size=size, label=EVIL, export_dir=tmp_path) as held:
        await held.tell(m.LinkLive(EVIL, None))
        recommendation = sample.recommendation()
        evidence = replace(recommendation.evidence, notes=(EVIL,), confidence=EVIL, planner=EVIL,
                           affected=(replace(recommendation.evidence.affected[0], text=EVIL),))  # fmt: skip
        recommendation = replace(
            recommendation, title=EVIL, forward_sql=EVIL, inverse_sql=EVIL, risk_reasons=(EVIL,), why_not=(EVIL,),
            evidence=evidence,
        )  # fmt: skip
        change = sample.change(ChangeState.APPROVED, title=EVIL, forward_sql=EVIL, inverse_sql=EVIL, approved_by=EVIL,
                               detail={"error": EVIL, "verdict": EVIL})  # fmt: skip
        entry = AuditEntry(1, sample.NOW, EVIL, EVIL, {"who": EVIL, EVIL: {EVIL: EVIL}, "sql": EVIL}, EVIL, EVIL)
        facts: list[m.Fact] = [
            m.LedgerReady((recommendation,), (change,), {change.id: (EVIL,)}),
            m.AdviceReady(RUN),
            m.PlanReady(rows[0].key, PlanNode(EVIL, 0, 1, 1, 1, EVIL, EVIL, EVIL, EVIL, conditions=((EVIL, EVIL),))),
            m.AuditReady((entry,), VerifyResult(False, 1, 1, EVIL), sample.NOW),
            m.Told(EVIL, "error"),
            m.BaselinesReady((Baseline(EVIL, EVIL, 0, 0, 0, ()),)),
            m.Reconciled((EVIL,)),
            m.PictureReady(shown, EVIL),
            m.RunBegan(change, False),
            m.RunChecked(Check(EVIL, Level.WARN, EVIL)),
            m.Following(EVIL),
        ]

        def same(request: m.Request) -> list[m.Fact]:
            return facts

        held.bridge.ask = lambda request: [held.app.post_message(fact) for fact in same(request)]  # type: ignore[method-assign,assignment]
        await held.tell(*facts, *evil_readings())
        await walk(held)
        for keys in COLLECTED:
            await held.press(*keys)
            inert(held.text)
        await held.tell(m.LinkLost(ServerLost(EVIL, EVIL, EVIL), 0.0), m.AdviceFailed(ServerLost(EVIL)))
        await walk(held)
        evil = {family: (reading, None) for family, (reading, _) in readings.readings().items()}
        sight = Sight(shown, readings.activity(), readings.waits(), evil)
        await held.tell(m.PastReady(Past(sample.NOW - 5, sight, EVIL)), m.PastFailed(ServerLost(EVIL)))
        for keys in ("1", "E", "6", "7", "8", "E", "9"):
            await held.press(keys)
            inert(held.text)
        await held.tell(m.RunFailed(ServerLost(EVIL)))
        inert(held.text)
