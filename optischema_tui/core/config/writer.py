"""Writes profiles into the config file. tomli-w knows no comments: the file as it was stays beside it as `.bak`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from optischema_tui.core.config.keywords import nearest
from optischema_tui.core.config.model import Profile
from optischema_tui.core.config.reader import parse, read
from optischema_tui.core.errors import ConfigError, StorageError, UsageError
from optischema_tui.core.safe_text import one_line

_NAME = re.compile(r"[\w.-]{1,64}")


def save_profile(path: Path, profile: Profile) -> str:
    """Put `profile` into the file (made when there is none; mode 0600), all else as it was.

    Gives a notice when comments were lost, else an empty string. Raises UsageError for a name that could not be typed
    as a target, ConfigError when the file cannot be read or the profile is wrong, StorageError when it cannot be
    written.
    """
    if not _NAME.fullmatch(profile.name):
        raise UsageError(
            "The profile's name cannot be used", todo="Use up to 64 letters, digits, dots, dashes and underscores"
        )
    document = _document(path)
    profiles = document.setdefault("profiles", {})
    if not isinstance(profiles, dict):
        raise ConfigError(f"{path}: profiles must be a table: [profiles]")
    before = profiles.get(profile.name)
    profiles[profile.name] = _table(profile)
    if profile.policy is None and isinstance(before, dict) and "policy" in before:
        profiles[profile.name]["policy"] = before["policy"]  # what protects a target is not lost by naming it anew
    wrong = read(path, {"profiles": {profile.name: profiles[profile.name]}}).broken.get(profile.name)
    if wrong is not None:
        raise wrong
    return _write(path, document)


def remove_profile(path: Path, name: str) -> str:
    """Take a profile out of the file; a broken one too. Gives and raises as `save_profile`, UsageError for no such."""
    document = _document(path)
    profiles = document.get("profiles")
    if not isinstance(profiles, dict) or name not in profiles:
        raise UsageError(
            f"There is no profile {one_line(name, 60)} in {path}",
            todo=nearest(name, profiles) if isinstance(profiles, dict) else "",
        )
    del profiles[name]
    return _write(path, document)


def _document(path: Path) -> dict[str, Any]:
    try:
        return parse(path)
    except FileNotFoundError:
        return {}


def _table(profile: Profile) -> dict[str, Any]:
    """The keys that differ from their defaults."""
    own: dict[str, Any] = {
        "password_command": list(profile.password_command),
        "keyring": profile.keyring,
        "credential": profile.credential,
        "allow_changes": profile.allow_changes,
        "interval": profile.interval,
        "label": profile.label,
        "show": list(profile.show),
        "theme": profile.theme,
        "intervals": {name: int(value) if value == int(value) else value for name, value in profile.intervals},
    }
    if not profile.sample_rows:
        own["sample_rows"] = False
    if profile.model is not None:
        endpoint = {"provider": profile.model.provider, "url": profile.model.url, "model": profile.model.model}
        own["model"] = {key: value for key, value in endpoint.items() if value}
    if profile.policy is not None:
        own["policy"] = json.loads(profile.policy.written or "{}")
    return dict(profile.params) | {key: value for key, value in own.items() if value or key == "sample_rows"}


def _write(path: Path, document: Mapping[str, Any]) -> str:
    import tomli_w

    file = Path(os.path.realpath(path))  # a link to the file stays a link
    backup = file.with_name(file.name + ".bak")
    text = tomli_w.dumps(document)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
        if before:
            _replace(backup, before)
        _replace(file, text.encode())
    except OSError as error:
        raise StorageError(f"The config file {path} cannot be written", str(error.strerror or error)) from error
    return f"Comments in the file are lost; as it was, it is kept in {backup}" if b"#" in before else ""


def _replace(file: Path, content: bytes) -> None:
    """Write all or nothing, for this user's eyes only."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
