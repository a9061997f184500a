"""A server lies in memory only where that harms nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from optischema_tui.core.cluster import memory
from optischema_tui.core.cluster.memory import SPARE, memory_base


@pytest.fixture
def plenty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(memory, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(memory, "_available", lambda: 1 << 30)
    monkeypatch.setattr(memory, "_left_to_us", lambda: 1 << 30)
    return tmp_path


def test_where_there_is_plenty(plenty: Path) -> None:
    assert memory_base((1 << 30) // SPARE) == plenty
    assert memory_base((1 << 30) // SPARE + 1) is None


@pytest.mark.parametrize("scarce", ["_available", "_left_to_us"])
@pytest.mark.usefixtures("plenty")
def test_not_where_it_is_scarce(monkeypatch: pytest.MonkeyPatch, scarce: str) -> None:
    monkeypatch.setattr(memory, scarce, lambda: 1 << 20)
    assert memory_base(1 << 20) is None


def test_not_where_a_place_is_named_or_none_is_there(plenty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHARED_MEMORY", plenty / "none")
    assert memory_base(1) is None
    monkeypatch.setattr(memory, "SHARED_MEMORY", plenty)
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert memory_base(1) is None


def test_the_machine_is_asked() -> None:
    assert 1 << 20 < memory._available() < 1 << 50
    assert memory._left_to_us() > 1 << 20
