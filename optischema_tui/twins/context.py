"""What every command needs: places, config, the target, and a way to print."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from getpass import getpass
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.config import Config, load_config
from optischema_tui.core.errors import AuthError, StorageError
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
        paths = replace(
            paths,
            keep_labs=config.lab_cache,
            audit_syslog=config.audit_syslog,
            audit_checkpoint=config.audit_checkpoint,
        )
        return cls(paths, config, getattr(arguments, "json", False), arguments.allow_changes)

    def spec(self, target: str | None) -> TargetSpec:
        """The resolved target. Raises UsageError when it names nothing."""
        return resolve(target, self.config, allow_changes=self.allow_changes)

    def out(self, value: Mapping[str, Any], text: Callable[[], str]) -> None:
        """Print `value` as JSON with --json, else the plain text that `text` makes; whether it is read or not."""
        with suppress(BrokenPipeError):
            put(json.dumps(value, indent=2, ensure_ascii=True) if self.json else clean(text()))

    def progress(self, what: str, fraction: float) -> None:
        """One line on standard error, rewritten when that is a terminal."""
        if sys.stderr.isatty():
            end = "\n" if fraction >= 1 else ""
            try:
                sys.stderr.write(f"\r\x1b[K{fraction:4.0%} {clean(what)}{end}")
                sys.stderr.flush()
            except OSError:
                _silence(2)


def say(text: str) -> None:
    """A line for the person, on standard error, so that standard output stays for results.

    Work goes on when nobody listens any more: a change must not stop half-way because its terminal is gone.
    """
    try:
        print(clean(text), file=sys.stderr, flush=True)
    except OSError:
        _silence(2)


def put(line: str) -> None:
    """A result on standard output. Raises StorageError when it cannot be written, BrokenPipeError when nobody reads."""
    try:
        print(line, flush=True)
    except OSError as error:
        _silence(1)
        if isinstance(error, BrokenPipeError):
            raise
        raise StorageError("The output cannot be written", error.strerror or str(error)) from error


def _silence(descriptor: int) -> None:
    """Let what is still buffered for a stream that cannot be written go nowhere: it would fail again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


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
