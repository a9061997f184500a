"""The policy of the config file: every key, every mistake as a sentence, and nothing lost when a profile is saved."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from optischema_tui.core.config import Profile, load_config
from optischema_tui.core.config.writer import save_profile
from optischema_tui.core.policy.rules import KINDS, Rules

FULL = """\
[policy]
changes_per_day = 5

[profiles.prod]
host = "db"
allow_changes = true

[profiles.prod.policy]
kinds = ["create_index", "drop_index"]
largest_table = "500GB"
window = ["Mon-Fri 22:00-05:00", "Sat,Sun"]
window_timezone = "Europe/Berlin"
changes_per_day = 2
second_approver = true
approval_hours = 8
kill_switch = "/srv/STOP"
kill_switch_allows_undo = true
countersign_dir = "~/sign"
root_may_countersign = true

[profiles.prod.policy.settings]
work_mem = "64kB..1GB"
jit = ["on", "off"]
random_page_cost = true
statement_timeout = false
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_every_key_is_read(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, FULL))
    assert config.problems == ()
    assert config.policy is not None
    assert (config.policy.changes_per_day, config.policy.kinds) == (5, None)
    rules = config.profiles["prod"].policy
    assert rules is not None
    assert (rules.kinds, rules.largest_table) == (("create_index", "drop_index"), 500 << 30)
    assert [window.text for window in rules.window or ()] == ["Mon-Fri 22:00-05:00", "Sat,Sun"]
    assert (rules.window_timezone, rules.changes_per_day, rules.approval_hours) == ("Europe/Berlin", 2, 8.0)
    assert (rules.second_approver, rules.kill_switch, rules.kill_switch_allows_undo) == (True, "/srv/STOP", True)
    assert (rules.countersign_dir, rules.root_may_countersign) == (str(Path.home() / "sign"), True)
    named = {each.name: each.text for each in rules.settings or ()}
    assert named == {
        "jit": "one of on, off", "random_page_cost": "any value", "statement_timeout": "not allowed",
        "work_mem": "64kB..1GB",
    }  # fmt: skip
    assert rules.problems == ()
    assert all(getattr(rules, key) is not None for key in Rules.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = ['create_index']", ("unknown key kind", "Did you mean kinds")),
        ("kinds = ['create_indx']", ("kinds must be a list of some of", "create_index")),
        ("kinds = 'create_index'", ("kinds must be a list",)),
        ("largest_table = 500", ("largest_table must be", "500GB")),
        ("largest_table = '500 apples'", ("largest_table must be",)),
        ("window = 'Mo 1:00-2:00'", ("window", "'Mo 1:00-2:00' is not a window", "Mon-Fri 22:00-05:00")),
        ("window = ['Mon', 'x']", ("window", "'x' is not a window")),
        ("window = 3", ("window must be a string or a list",)),
        ("window_timezone = 'Mars/Olympus'", ("window_timezone", "not a time zone")),
        ("changes_per_day = -1", ("changes_per_day must be", "0 to 10000")),
        ("changes_per_day = 1.5", ("changes_per_day",)),
        ("changes_per_day = true", ("changes_per_day",)),
        ("second_approver = 'yes'", ("second_approver must be true or false",)),
        ("approval_hours = 0", ("approval_hours must be", "744")),
        ("approval_hours = inf", ("approval_hours",)),
        ("kill_switch = 'STOP'", ("kill_switch must be an absolute path",)),
        ("countersign_dir = 'a\\u0000b'", ("countersign_dir must be",)),
        ("settings = {fsync = true}", ("settings", "fsync is never changed")),
        ("settings = {work_mem = 5}", ("settings", "work_mem must be true")),
        ("settings = 'all'", ("settings must be a table",)),
        ("settings = {'a b' = true}", ("settings", "not the name of a setting")),
    ],
)  # fmt: skip
def test_each_mistake_names_file_table_and_key_and_forbids(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    for place, table in (
        ("profiles.a.policy", "[profiles.a]\nhost = 'h'\n[profiles.a.policy]"),
        ("policy", "[policy]"),
    ):
        file = write(tmp_path, f"{table}\n{text}\n[profiles.good]\nhost = 'h'\n")
        config = load_config(file)
        (problem,) = config.problems
        assert all(word in problem.sentence for word in (str(file), place, *words)), problem.sentence
        assert "good" in config.profiles
        rules = config.profiles["a"].policy if place != "policy" else config.policy
        assert rules is not None
        assert rules.problems == (problem.sentence,)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = "[policy]\nkinds = 3\nwindw = 'x'\napproval_hours = 'x'\n"
    assert len(load_config(write(tmp_path, text)).problems) == 3
    text = "[policy]\nwindow = ['x', 'y']\nsettings = {port = true, b = 3}\n"
    assert len(load_config(write(tmp_path, text)).problems) == 4


def test_a_saved_profile_keeps_its_policy(tmp_path: Path) -> None:
    file = write(tmp_path, FULL)
    before = load_config(file)
    save_profile(file, before.profiles["prod"])
    after = load_config(file)
    assert after.profiles["prod"] == before.profiles["prod"]
    assert after.policy == before.policy
    save_profile(file, Profile("prod", (("host", "other"),)))
    assert load_config(file).profiles["prod"].policy == before.profiles["prod"].policy, "named anew, still protected"
    save_profile(file, Profile("new", (("host", "other"),)))
    assert "policy" not in tomllib.loads(file.read_text())["profiles"]["new"]


def test_a_wrong_policy_is_kept_as_it_was_written(tmp_path: Path) -> None:
    file = write(tmp_path, "[profiles.a]\nhost = 'h'\n[profiles.a.policy]\nkinds = ['x']\nwhen = 2026-01-01\n")
    save_profile(file, load_config(file).profiles["a"])
    assert tomllib.loads(file.read_text())["profiles"]["a"]["policy"]["kinds"] == ["x"]
    policy = load_config(file).profiles["a"].policy
    assert policy is not None
    assert policy.problems


def test_no_table_whatever_breaks_the_program_or_allows_what_was_not_understood(tmp_path: Path) -> None:
    """Random values for random keys: the rules are as written, or they forbid."""
    draw = random.Random(7)
    values = (
        "true", "false", "3", "-1", "0.5", "nan", "''", "'x'", "[]", "['x']", "{}", "{a = 1}", "'500GB'", "'Mon'",
        "'/x'", "2026-01-01", "[[1]]", f"{list(KINDS[:2])}", "{work_mem = true}", "'1:00-2:00'", "1979-05-27T07:32:00Z",
    )  # fmt: skip
    keys = [key for key in Rules.__dataclass_fields__ if key not in ("problems", "written")] + ["x", "fsync", "written"]
    for _ in range(300):
        chosen = {draw.choice(keys): draw.choice(values) for _ in range(draw.randint(1, 4))}
        config = load_config(write(tmp_path, "[policy]\n" + "\n".join(f"{k} = {v}" for k, v in chosen.items())))
        assert config.policy is not None
        assert bool(config.problems) is bool(config.policy.problems)
        if not config.policy.problems:
            assert all(getattr(config.policy, key) is not None for key in chosen)
