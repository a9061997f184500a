"""Text of a server is data: whatever it holds, nothing crashes and it stands inert on every screen."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
import sample_data as sample
from harness import Stage, stage

from optischema_tui import messages as m
from optischema_tui.core.audit.journal import VerifyResult
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.models import AuditEntry, Baseline, ChangeState, Check, Level
from optischema_tui.core.workload.plan import PlanNode

EVIL = "[/x] [red]a[/] \x1b]0;owned\x07 \x1b[2J \x9b31m \u202ertl\u2066 \x00 $(x) \x1b]52;c;b3du\x07 \ud800 \U000e0041"


def inert(text: str) -> None:
    bad = {character for character in text.replace("\n", "") if unicodedata.category(character) in ("Cc", "Cf", "Cs")}
    assert not bad, [hex(ord(character)) for character in bad]


async def walk(held: Stage) -> None:
    for keys in (["1"], ["enter"], ["escape"], ["2"], ["slash", "x", "enter"], ["escape"], ["enter"], ["escape"], ["3"],
                 ["w"], ["w"], ["A"], ["escape"], ["4"], ["j"], ["5"], ["m"], ["question_mark"],
                 ["escape"], ["E"]):  # fmt: skip
        await held.press(*keys)
        inert(held.text)
        assert held.app.is_running


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
            m.AdviceReady((EVIL,), (EVIL,), EVIL),
            m.PlanReady(rows[0].key, PlanNode(EVIL, 0, 1, 1, 1, EVIL, EVIL, EVIL, EVIL, conditions=((EVIL, EVIL),))),
            m.AuditReady((entry,), VerifyResult(False, 1, 1, EVIL), sample.NOW),
            m.Told(EVIL, "error"),
            m.BaselinesReady((Baseline(EVIL, EVIL, 0, 0, 0, ()),)),
            m.Reconciled((EVIL,)),
            m.PictureReady(shown, EVIL),
            m.RunBegan(change, False),
            m.RunChecked(Check(EVIL, Level.WARN, EVIL)),
        ]

        def same(request: m.Request) -> list[m.Fact]:
            return facts

        held.bridge.ask = lambda request: [held.app.post_message(fact) for fact in same(request)]  # type: ignore[method-assign,assignment]
        await held.tell(*facts)
        await walk(held)
        await held.tell(m.LinkLost(ServerLost(EVIL, EVIL, EVIL), 0.0), m.AdviceFailed(ServerLost(EVIL)))
        await walk(held)
        await held.tell(m.RunFailed(ServerLost(EVIL)))
        inert(held.text)
