"""What the terminal can do, and the colours chosen for it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import sample_data as sample
from harness import stage

from optischema_tui.core.errors import ConfigError
from optischema_tui.terminal import CLIPBOARD_LIMIT, clipboard_sequence, prepare, probe
from optischema_tui.theming import choose, load_theme, load_themes

PLAIN = {"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}


@pytest.mark.parametrize(
    ("env", "fact", "value"),
    [
        ({}, "unicode", True),
        ({"LC_ALL": "C"}, "unicode", False),
        ({"LANG": "de_DE.ISO-8859-1"}, "unicode", False),
        ({"TERM": "linux"}, "unicode", False),
        ({}, "remote", False),
        ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, "remote", True),
        ({"TMUX": "/tmp/tmux"}, "tmux", True),
        ({}, "few_colours", False),
        ({"NO_COLOR": ""}, "few_colours", True),
        ({"TERM": "xterm"}, "few_colours", True),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "few_colours", False),
        ({"TEXTUAL_COLOR_SYSTEM": "standard"}, "few_colours", True),
    ],
)
def test_probe(env: dict[str, str], fact: str, value: bool) -> None:
    assert getattr(probe(PLAIN | env), fact) is value


def test_the_person_may_ask_for_ascii() -> None:
    assert not probe(PLAIN, ascii_only=True).unicode


def test_a_remote_terminal_gets_fewer_frames_and_what_was_set_stays() -> None:
    env = {"TEXTUAL_FPS": "30"}
    prepare(probe(PLAIN | {"SSH_TTY": "/dev/pts/1"}), env)
    assert env == {"TEXTUAL_FPS": "30", "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
    local: dict[str, str] = {}
    prepare(probe(PLAIN), local)
    assert local == {}


def test_clipboard_is_base64_capped_and_wrapped_for_tmux() -> None:
    text = "SELECT 'é' \x1b]0;x\x07"
    encoded = base64.b64encode(text.encode()).decode()
    assert clipboard_sequence(text, tmux=False) == f"\x1b]52;c;{encoded}\x07"
    assert clipboard_sequence(text, tmux=True).endswith(f"\x1bPtmux;\x1b\x1b]52;c;{encoded}\x07\x1b\\")
    assert clipboard_sequence("x" * CLIPBOARD_LIMIT, tmux=False)
    assert clipboard_sequence("x" * (CLIPBOARD_LIMIT + 1), tmux=False) == ""


def test_all_themes_load_and_the_right_one_is_chosen() -> None:
    themes, problems = load_themes()
    assert set(themes) == {"dark", "light", "high-contrast", "ansi-16"}
    assert problems == ()
    names = frozenset(themes)
    assert choose("", probe(PLAIN), names) == "dark"
    assert choose("light", probe(PLAIN), names) == "light"
    assert choose("", probe(PLAIN | {"NO_COLOR": "1"}), names) == "ansi-16"
    assert choose("no-such", probe(PLAIN), names) == "dark"


def test_a_broken_theme_is_named_and_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text('primary = "#336699"\n')
    (tmp_path / "typo.toml").write_text('primary = "#336699"\nbackgroud = "#000000"\n')
    (tmp_path / "torn.toml").write_text("primary = [")
    themes, problems = load_themes(tmp_path)
    assert set(themes) == {"good"}
    assert {problem.what for problem in problems} == {
        "The theme torn.toml cannot be read", "The theme typo.toml does not know backgroud",
    }  # fmt: skip
    (tmp_path / "bare.toml").write_text("dark = true\n")
    with pytest.raises(ConfigError, match="misses the key 'primary'"):
        load_theme(tmp_path / "bare.toml")


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast", "ansi-16"])
async def test_every_theme_draws_every_screen(theme: str) -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        held.app.theme = theme
        for key in "12345":
            await held.press(key)
            assert "CHANGES ALLOWED" in held.text
