"""The palette: every action of the registry that the screen in front has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from optischema_tui.actions import Action, actions_of, key_name


class ActionCommands(Provider):
    """Names, help and keys come from `actions.ACTIONS`; nothing is listed that the screen cannot do."""

    def _choices(self) -> list[tuple[str, str, Callable[[], Any]]]:
        view = getattr(self.screen, "VIEW", "")
        found: list[tuple[str, str, Callable[[], Any]]] = [
            (_title(action), action.help, partial(self._run, action)) for action in actions_of(view)
        ]
        for name in sorted(self.app.available_themes):
            if not name.startswith(("textual-", "ansi-dark", "ansi-light")):
                found.append((f"Theme: {name}", "Use this theme now", partial(self._theme, name)))
        return found

    async def _run(self, action: Action) -> None:
        await self.screen.run_action(action.run)

    def _theme(self, name: str) -> None:
        self.app.theme = name

    async def discover(self) -> Hits:
        for title, text, run in self._choices():
            yield DiscoveryHit(title, run, help=text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, text, run in self._choices():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=text)


def _title(action: Action) -> str:
    return f"{action.label}  ({', '.join(key_name(key) for key in action.keys)})"
