"""Legal moves of a change."""

from __future__ import annotations

from typing import Any

import pytest

from optischema_tui.core.change.states import BEGINNABLE, EDGES, UNDOABLE, UNSETTLED, advance
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import ChangeState


def test_every_state_has_its_edges_and_can_be_reached() -> None:
    assert set(EDGES) == set(ChangeState)
    reached, front = {ChangeState.PROPOSED}, [ChangeState.PROPOSED]
    while front:
        new = EDGES[front.pop()] - reached
        reached |= new
        front.extend(new)
    assert reached == set(ChangeState)
    # What is partly done may be carried on with, or taken back; a person decides.
    assert {ChangeState.LEFTOVER} == BEGINNABLE & UNDOABLE
    assert {ChangeState.LEFTOVER} == BEGINNABLE & UNSETTLED


def test_nothing_reaches_the_server_without_approval_preflight_and_intent() -> None:
    into = {state: {source for source, edges in EDGES.items() if state in edges} for state in ChangeState}
    assert into[ChangeState.INTENT] == {ChangeState.PREFLIGHT}
    assert into[ChangeState.PREFLIGHT] == BEGINNABLE
    assert ChangeState.PROPOSED not in into[ChangeState.EXECUTING] | into[ChangeState.PREFLIGHT]
    assert EDGES[ChangeState.ROLLED_BACK] == frozenset()


def test_advance_keeps_detail_and_refuses_illegal_moves(bench: Any) -> None:
    change = bench.approved()
    moved = advance(change, ChangeState.PREFLIGHT, 5.0, note="x")
    assert (moved.state, moved.updated_at, moved.detail["note"]) == (ChangeState.PREFLIGHT, 5.0, "x")
    assert moved.detail["spec"] == change.detail["spec"]
    with pytest.raises(ChangeRefused, match="cannot go from approved to kept"):
        advance(change, ChangeState.KEPT, 5.0)
