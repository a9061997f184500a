"""What every command needs: places, config, the target, and a way to print."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getpass
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.config import Config, load_config
from optischema_tui.core.errors import AuthError
from optischema_tui.core.paths import Paths, locate
from optischema_tui.core.safe_text import clean
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class Context:
    paths: Paths
    config: Config
    json: bool
    allow_changes: bool
    clock: Clock = SYSTEM

    @classmethod
    def of(cls, arguments: Namespace) -> Context:
        """The context of one call; problems of the config file are told on standard error and do not stop it."""
        paths = locate(arguments.state_dir, arguments.config)
        config = load_config(paths.config_file)
        for problem in config.problems:
            say(f"warning: {problem.sentence}")
        return cls(paths, config, getattr(arguments, "json", False), arguments.allow_changes)

    def spec(self, target: str | None) -> TargetSpec:
        """The resolved target. Raises UsageError when it names nothing."""
        return resolve(target, self.config, allow_changes=self.allow_changes)

    def out(self, value: Mapping[str, Any], text: Callable[[], str]) -> None:
        """Print `value` as JSON with --json, else the plain text that `text` makes."""
        if self.json:
            print(json.dumps(value, indent=2, ensure_ascii=True))
        else:
            print(clean(text()))
        sys.stdout.flush()

    def progress(self, what: str, fraction: float) -> None:
        """One line on standard error, rewritten when that is a terminal."""
        if sys.stderr.isatty():
            end = "\n" if fraction >= 1 else ""
            sys.stderr.write(f"\r\x1b[K{fraction:4.0%} {clean(what)}{end}")
            sys.stderr.flush()


def say(text: str) -> None:
    """A line for the person, on standard error, so that standard output stays for results."""
    print(clean(text), file=sys.stderr)


def asking_password(spec: TargetSpec, work: Callable[[TargetSpec], int]) -> int:
    """`work(spec)`, and once more with a typed password when the server wants one and a person is there to type."""
    try:
        return work(spec)
    except AuthError:
        if spec.password or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
    return work(typed_password(spec))


def typed_password(spec: TargetSpec) -> TargetSpec:
    """`spec` with the password that the person types now, unseen; it stays in memory."""
    role = clean(spec.get("user") or "the database role")
    return with_password(spec, getpass(f"Password for {role} at {clean(spec.label)}: "))
