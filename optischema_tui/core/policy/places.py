"""The files that a policy must look at: the system's own rules, and kill switches."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from optischema_tui.core.config.model import Config, Profile
from optischema_tui.core.config.reader import read_rules
from optischema_tui.core.errors import UsageError
from optischema_tui.core.paths import NAME, locate
from optischema_tui.core.policy.plain_file import read_plain
from optischema_tui.core.policy.rules import STOP, Layer, OwnRules, Policy, Rules, Switch

SYSTEM_DIR = Path("/etc") / NAME
SYSTEM_FILE = "policy.toml"
_MOST_BYTES = 1 << 20


def own_rules(config: Config, profile: Profile | None) -> OwnRules:
    """What the user's file says of a target with that profile, or of one without."""
    layers = []
    if profile is not None and profile.policy is not None:
        layers.append(Layer(f"{config.path} [profiles.{profile.name}.policy]", profile.policy))
    if config.policy is not None:
        layers.append(Layer(f"{config.path} [policy]", config.policy))
    return OwnRules(tuple(layers), str(config.path.parent) if config.path.name else "")


def load_policy(own: OwnRules, system: Path | None = None) -> Policy:
    """The policy that holds now: `own` with the system's file, which is read each time. Never raises.

    What cannot be read or trusted stands in `problems`, and then forbids every change.
    """
    directory = system or SYSTEM_DIR
    rules, problem = _system_rules(directory)
    layer = Layer(str(directory / SYSTEM_FILE), rules) if rules else None
    policy = Policy(own.layers, layer)
    problems = [*(each for one in own.layers for each in one.rules.problems), *(rules.problems if rules else ())]
    return replace(
        policy, switches=_switches(policy, own, directory), problems=(*problems, *((problem,) if problem else ()))
    )


def pulled(policy: Policy) -> tuple[tuple[Switch, str], ...]:
    """The kill switches that are on, each with a sentence that says so. One that cannot be looked at is on."""
    found = []
    for switch in policy.switches:
        try:
            os.lstat(switch.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            found.append((switch, f"{switch.path} cannot be looked at ({error.strerror}), so it counts as there"))
        else:
            found.append((switch, f"{switch.path} is there"))
    return tuple(found)


def _switches(policy: Policy, own: OwnRules, directory: Path) -> tuple[Switch, ...]:
    """The system's, then the user's. A rule that names another adds one: those in the usual places always count."""
    by_system = policy.system.rules if policy.system else Rules()
    allows = [bool(each.value) for each in policy.said("kill_switch_allows_undo")]
    user_allows = bool(allows) and all(allows)
    system_allows = by_system.kill_switch_allows_undo is True
    source = str(directory / SYSTEM_FILE)
    found = [Switch(str(directory / STOP), system_allows, "the system's kill switch")]
    if by_system.kill_switch:
        found.append(Switch(by_system.kill_switch, system_allows, f"{source}, kill_switch"))
    folders = [own.directory] if own.directory else []
    with suppress(UsageError):  # without a home there is no usual place in it
        folders.append(str(locate().config_file.parent))
    found += [Switch(str(Path(folder) / STOP), user_allows, "your kill switch") for folder in dict.fromkeys(folders)]
    named = next((layer for layer in policy.own if layer.rules.kill_switch), None)
    if named and named.rules.kill_switch:
        found.append(Switch(named.rules.kill_switch, user_allows, f"{named.source}, kill_switch"))
    return tuple({switch.path: switch for switch in reversed(found)}.values())[::-1]


def _system_rules(directory: Path) -> tuple[Rules | None, str]:
    """The rules of the system's file, None when there is none; and why they cannot be trusted."""
    import tomllib

    file = directory / SYSTEM_FILE
    try:
        folder = os.stat(directory)
        if folder.st_uid != 0 or folder.st_mode & 0o022:
            return None, f"{directory} is not root's alone: run chown root {directory} and chmod 755 {directory}"
        content, seen = read_plain(file, _MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        return None, f"{file} cannot be read ({error.strerror}): ask root for a plain file with chmod 644"
    if seen.st_uid != 0 or seen.st_mode & 0o022:
        return None, f"{file} is not root's alone: run chown root {file} and chmod 644 {file}"
    try:
        return read_rules(file, tomllib.loads(content.decode())), ""
    except (ValueError, RecursionError):  # not UTF-8, not TOML, nested too deeply
        return None, f"{file} is not valid TOML, so it is not known what it forbids"
