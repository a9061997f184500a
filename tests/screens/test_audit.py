"""The audit screen: the journal as a line of time, filtered; one change from its evidence to its verdict."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import sample_data as sample
from harness import TERMINAL, stage

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.core.audit.chain import canonical
from optischema_tui.core.audit.journal import VerifyResult
from optischema_tui.core.audit.story import Story
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.models import AuditEntry, ChangeState
from optischema_tui.core.paths import Paths
from optischema_tui.desk import Desk
from optischema_tui.screens.audit import AuditScreen

MADE = sample.change(ChangeState.KEPT, 1)
UNDO = "0192f3a0-7b11-7000-8000-00000000undo"
CHECKS = [{"name": "lock", "level": "pass", "reason": "the table's lock was had at once"}]
CHECKS_HASH = hashlib.sha256(canonical(CHECKS)).hexdigest()
GONE_HASH = "f" * 64


def entries() -> tuple[AuditEntry, ...]:
    about = {"table": "public.orders", "index": f"public.{MADE.index_name}", "kind": "create_index"}
    dana, eve = {"who": {"os_user": "dana", "uid": "1000"}}, {"who": {"os_user": "eve", "uid": "1001"}}
    sql = {"sql": MADE.forward_sql, "inverse_sql": MADE.inverse_sql, "sql_hash": MADE.sql_hash}
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("audit.begun", "", {"install_id": "5c1d" * 8}),
        ("program.login", "", dana | {"command": "ui", "target": "shop@demo", "allow_changes": True}),
        ("change.proposed", MADE.id, dana | sql | {"rolls_back": "", "evidence": {"advice": GONE_HASH}}),
        ("change.approved", MADE.id, dana | about | sql | {"from": "proposed", "result": "Approved by dana"}),
        ("change.preflight", MADE.id, dana | about | {"from": "approved", "result": "12 checks, 1 warning",
                                                      "evidence": {"checks": CHECKS_HASH}}),
        ("change.applied", MADE.id, dana | about | {"from": "executing", "result": "The index is valid and ready"}),
        ("change.kept", MADE.id, dana | about | {"from": "verifying", "result": "38.2 ms before, 0.41 ms after"}),
        ("request.denied", "", eve | {"what": "apply", "reason": "eve may not change this target", "target": "shop"}),
        ("change.proposed", UNDO, eve | {"table": "public.orders", "rolls_back": MADE.id}),
        ("change.rolled_back", MADE.id, eve | about | {"from": "kept", "result": f"Undone by the change {UNDO}"}),
        ("config.changed", "", eve | {"file": "/home/eve/.config/optischema-tui/config.toml", "digest": "ab" * 32}),
        ("audit.verified", "", eve | {"entries": 11, "segments": 1, "anchored": False, "result": "intact"}),
    ]  # fmt: skip
    made, before = [], "0" * 64
    for place, (event, change_id, body) in enumerate(told, 1):
        digest = hashlib.sha256(f"{place}{event}".encode()).hexdigest()
        made.append(AuditEntry(place, sample.NOW - 6000 + 300 * place, event, change_id, body, before, digest))
        before = digest
    return tuple(reversed(made))


def story() -> Story:
    of_change = tuple(entry for entry in reversed(entries()) if entry.change_id == MADE.id)
    return Story(MADE.id, of_change, {CHECKS_HASH: CHECKS, GONE_HASH: None}, "", (UNDO,))


def ready(verdict: VerifyResult | None = None) -> m.AuditReady:
    return m.AuditReady(entries(), verdict or VerifyResult(True, 12, None, "", anchored=True), sample.NOW)


def table(held: Any) -> Any:
    screen = held.app.screen
    assert isinstance(screen, AuditScreen)
    return screen.table


def seqs(held: Any) -> list[int]:
    return [entry.seq for entry in table(held).rows]


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_the_journal_is_filtered_by_words_and_by_state(size: tuple[int, int]) -> None:
    async with stage(sample.picture(), size=size) as held:
        await held.press("4")
        await held.tell(ready())
        assert seqs(held) == list(range(12, 0, -1))
        await held.press("slash", *"user:eve")
        assert seqs(held) == [12, 11, 10, 9, 8]
        await held.press("space", *"object:orders", "enter")
        assert seqs(held) == [10, 9]
        assert "filter: user:eve object:orders" in held.text
        await held.press("escape")
        assert len(seqs(held)) == 12
        states = []
        for _ in range(3):
            await held.press("f")
            states.append(held.app.screen.only)
        assert states == ["applied", "approved", "begun"]
        assert "state: begun" in held.text
        assert seqs(held) == [1]
        await held.press("slash", *"nothing", "enter")
        assert "nothing fits the filter" in held.text
        await held.press("escape")
        assert (held.app.screen.only, len(seqs(held))) == ("", 0), "one after the other"
        await held.press("escape")
        assert len(seqs(held)) == 12


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_a_change_is_told_from_its_evidence_to_its_verdict(size: tuple[int, int]) -> None:
    async with stage(sample.picture(), size=size) as held:
        await held.press("4")
        await held.tell(ready())
        await held.press("enter")
        assert held.asked(m.LoadStory) == [], "the newest entry is about no change"
        await held.until(lambda: "not about a change" in held.text, "that is said")
        await held.press("j", "j", "enter")
        assert [request.change_id for request in held.asked(m.LoadStory)] == [MADE.id]
        assert "reading everything about this change" in held.text
        await held.tell(m.StoryReady(story()))
        view = held.app.screen.query_one("#entry").text
        places = [
            view.index(words)
            for words in (
                "rolled_back", f"undone by     {UNDO}", "what runs", "the way back", "deleted: it was older",
                "Approved by dana", "evidence: checks", "the table's lock was had at once", "38.2 ms before",
                "Undone by the change",
            )
        ]  # fmt: skip
        assert places == sorted(places)
        await held.press("escape")
        assert "Entry 10" in held.app.screen.query_one("#entry").text
        await held.press("enter", "j")
        assert "Entry 9" in held.app.screen.query_one("#entry").text, "another change is not the one that was asked for"


async def test_a_story_that_cannot_be_read_leaves_the_way_back() -> None:
    async with stage(sample.picture()) as held:
        await held.press("4")
        await held.tell(ready())
        await held.press("j", "j", "enter")
        await held.tell(m.Told("The journal has no change 0192", "error"))
        await held.press("enter")
        assert "Entry 10" in held.app.screen.query_one("#entry").text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (VerifyResult(True, 12, None, "", anchored=True), "CHAIN INTACT   12 entries verified"),
        (VerifyResult(True, 900, None, ""), "no anchor kept elsewhere; the newest 12 are shown"),
        (VerifyResult(False, 12, 7, "Entry 7 was edited", "edited"), "CHAIN BROKEN EDITED   at entry 7: Entry 7 was"),
    ],
)
async def test_the_verdict_says_what_was_done(verdict: VerifyResult, words: str) -> None:
    async with stage(sample.picture(), size=(200, 50)) as held:
        await held.press("4")
        await held.tell(ready(verdict))
        assert words in held.text


class Told(sample.FakeBridge):
    """A journal that was read at once."""

    def start(self) -> None:
        super().start()
        self.app.post_message(m.LinkLive("shop@demo", None))

    def ask(self, request: m.Request) -> None:
        if isinstance(request, m.LoadAudit):
            self.app.post_message(ready())
        elif isinstance(request, m.LoadStory):
            self.app.post_message(m.StoryReady(story()))
        else:
            super().ask(request)


@pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("name", "keys"), [("journal", "4"), ("change", "4 j j enter"), ("state", "4 f f")])
def test_snapshot(snap_compare: Any, name: str, keys: str, size: tuple[int, int]) -> None:
    app = OptischemaApp(
        sample.spec(allow_changes=True, interval=5.0),
        lambda app: Told(app, sample.picture()),
        terminal=TERMINAL,
        clock=sample.clock(),
    )

    async def settled(pilot: Any) -> None:
        for key in keys.split():
            await pilot.press(key)
            for _ in range(6):
                await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=settled)


async def test_a_person_who_asks_is_told_apart_from_the_screen_that_opens() -> None:
    async with stage(sample.picture()) as held:
        await held.press("4")
        opened = [request.asked for request in held.asked(m.LoadAudit)]
        assert set(opened) == {False}
        await held.press("R")
        assert [request.asked for request in held.asked(m.LoadAudit)] == [*opened, True]


def test_only_a_verification_that_a_person_asks_for_is_an_entry(tmp_path: Path) -> None:
    paths, told = Paths(tmp_path / "config.toml", tmp_path / "state"), []
    desk = Desk(sample.spec(), paths, SYSTEM, told.append, lambda: "", "")
    for asked, entries_of_it in ((False, 0), (True, 1), (False, 1), (True, 2)):
        desk.load_audit(asked)
        assert [entry.event for entry in told[-1].entries].count("audit.verified") == entries_of_it
        assert told[-1].verdict.ok
