"""What a policy allows: every rule alone, both layers together, and the way back that stays open."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from optischema_tui.core.models import Change, Level
from optischema_tui.core.policy.check import Approval, Proposal, begun_since, check_policy
from optischema_tui.core.policy.rules import BUILT_IN, KINDS, Layer, Policy, Rules, Switch
from optischema_tui.core.policy.settings import allowed
from optischema_tui.core.policy.window import parse_window

USER, PROFILE, SYSTEM = "config.toml [policy]", "config.toml [profiles.p.policy]", "/etc/x/policy.toml"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
"""A Wednesday."""
INDEX = Proposal("create_index", table_bytes=10 << 30)


def policy(user: Rules | None = None, profile: Rules | None = None, system: Rules | None = None) -> Policy:
    own = [Layer(source, rules) for source, rules in ((PROFILE, profile), (USER, user)) if rules]
    return Policy(tuple(own), Layer(SYSTEM, system) if system else None)


def verdicts(found: Policy, proposal: Proposal = INDEX, **facts: object) -> dict[str, tuple[Level, str]]:
    lines = check_policy(found, proposal, **({"now": NOON, "applied_today": 0} | facts))  # type: ignore[arg-type]
    assert len({line.name for line in lines}) == len(lines)
    assert all(line.reason for line in lines)
    return {line.name: (line.level, line.reason) for line in lines}


def blocked(found: dict[str, tuple[Level, str]]) -> set[str]:
    return {name for name, (level, _) in found.items() if level is Level.BLOCK}


def test_without_a_policy_every_kind_is_allowed() -> None:
    for kind in KINDS:
        found = verdicts(Policy(), Proposal(kind, table_bytes=1 << 50, setting="work_mem", value="64MB", unit="kB"))
        assert blocked(found) == set(), kind


def test_a_profile_stands_over_the_general_policy_key_by_key() -> None:
    found = policy(Rules(kinds=("analyze",), changes_per_day=1), Rules(kinds=("create_index",)))
    assert blocked(verdicts(found)) == set()
    assert PROFILE in verdicts(found)["kind of change"][1]
    assert USER in verdicts(found)["changes per day"][1]
    assert blocked(verdicts(found, applied_today=1)) == {"changes per day"}


def test_the_system_can_only_narrow() -> None:
    wide = Rules(
        kinds=KINDS, largest_table=1 << 50, changes_per_day=99, second_approver=False, approval_hours=700.0,
        window=(parse_window("00:00-24:00"),), settings=(allowed("work_mem", True),), root_may_countersign=True,
    )  # fmt: skip
    narrow = Rules(
        kinds=("create_index",), largest_table=1 << 30, changes_per_day=1, second_approver=True, approval_hours=2.0,
        window=(parse_window("Sun"),), settings=(allowed("work_mem", "..1MB"),), root_may_countersign=False,
    )  # fmt: skip
    setting = Proposal("system_setting", setting="work_mem", value="64MB", unit="kB")
    every = {"kind of change", "largest table", "changes per day", "second approver", "change window"}
    for both in (policy(wide, system=narrow), policy(narrow, system=wide), policy(profile=narrow, system=wide)):
        assert blocked(verdicts(both, applied_today=1)) == every - {"kind of change"}
        drop = Proposal("drop_index", table_bytes=10 << 30)
        assert blocked(verdicts(both, drop, applied_today=1)) == every
        assert blocked(verdicts(both, setting)) >= {"setting", "kind of change"}
        assert both.approval_seconds == 7200.0
        assert not both.root_may_countersign
    assert blocked(verdicts(policy(wide, system=wide), applied_today=9)) == set()
    assert SYSTEM in verdicts(policy(wide, system=narrow))["largest table"][1]


def drawn(draw: random.Random) -> Rules:
    """Random rules, each key said or not."""

    def maybe(value: Any) -> Any:
        return value if draw.random() < 0.6 else None

    settings = tuple(
        allowed(name, draw.choice([True, False, "..1MB", "..1GB"])) for name in ("work_mem", "temp_buffers")
    )
    return Rules(
        kinds=maybe(tuple(draw.sample(KINDS, draw.randint(0, len(KINDS))))),
        largest_table=maybe(draw.choice([0, 1 << 30, 1 << 40])),
        window=maybe((parse_window(draw.choice(["Wed", "Thu", "11:00-13:00", "22:00-05:00"])),)),
        window_timezone=maybe(draw.choice(["Europe/Berlin", "UTC", "Asia/Tokyo"])),
        settings=maybe(settings),
        changes_per_day=maybe(draw.randint(0, 3)),
        second_approver=maybe(draw.choice([True, False])),
        approval_hours=maybe(draw.uniform(1, 40)),
        root_may_countersign=maybe(draw.choice([True, False])),
        countersign_dir="/srv/sign",
    )


def test_whatever_the_rules_are_the_system_only_adds_blocks() -> None:
    draw = random.Random(11)
    allowed_by_both = 0
    for _ in range(1500):
        user, profile, system = (drawn(draw) if draw.random() < 0.8 else Rules() for _ in range(3))
        proposal = Proposal(
            draw.choice(KINDS), table_bytes=draw.choice([None, 0, 1 << 35]), setting=draw.choice(["work_mem", "jit"]),
            value=draw.choice(["", "64kB", "2MB", "on"]), unit="kB",
        )  # fmt: skip
        facts = {"now": NOON + draw.randint(0, 7) * 5 * 3600, "applied_today": draw.randint(0, 3)}
        alone = policy(user, profile)
        both = policy(user, profile, system)
        found = blocked(verdicts(both, proposal, **facts))
        assert blocked(verdicts(alone, proposal, **facts)) <= found
        of_system = blocked(verdicts(Policy((Layer(SYSTEM, system),)), proposal, **facts))
        # The built-in list of kinds and settings belongs to the user's side: it stands where the user says nothing
        assert of_system - {"kind of change", "setting"} <= found
        if system.kinds is not None and proposal.kind not in system.kinds:
            assert "kind of change" in found
        assert both.approval_seconds <= alone.approval_seconds
        assert alone.root_may_countersign or not both.root_may_countersign
        assert not blocked(verdicts(both, replace(proposal, undo=True), **facts))
        allowed_by_both += not found
    assert allowed_by_both > 30, "some are allowed, or this shows nothing"


def test_a_system_policy_that_says_nothing_changes_nothing() -> None:
    for user in (None, Rules(kinds=("analyze",)), Rules(root_may_countersign=True)):
        assert verdicts(policy(user)) == verdicts(policy(user, system=Rules()))
        assert policy(user).root_may_countersign is policy(user, system=Rules()).root_may_countersign


@pytest.mark.parametrize(
    ("setting", "value", "fits"),
    [("work_mem", "64MB", True), ("work_mem", "", True), ("fsync", "off", False), ("statement_timeout", "1s", False)],
)
def test_settings_are_held_against_the_built_in_list(setting: str, value: str, fits: bool) -> None:
    found = verdicts(Policy(), Proposal("role_setting", setting=setting, value=value, unit="kB"))
    assert (found["setting"][0] is Level.PASS) is fits
    assert "largest table" not in found


def test_a_list_of_the_system_alone_narrows_the_built_in_one() -> None:
    found = policy(system=Rules(settings=(allowed("work_mem", True), allowed("statement_timeout", True))))
    cases = (
        ("work_mem", "1MB", True),
        ("work_mem", "2GB", False),
        ("jit", "on", False),
        ("statement_timeout", "1s", False),
    )
    for name, value, fits in cases:
        assert (not blocked(verdicts(found, Proposal("role_setting", setting=name, value=value)))) is fits, name


def test_a_table_of_unknown_size_is_too_large_when_there_is_a_limit() -> None:
    limit = policy(Rules(largest_table=500 << 30))
    assert "not known" in verdicts(limit, Proposal("vacuum"))["largest table"][1]
    assert blocked(verdicts(limit, replace(INDEX, table_bytes=None))) == {"largest table"}
    assert blocked(verdicts(limit, replace(INDEX, table_bytes=(500 << 30) + 1))) == {"largest table"}
    assert blocked(verdicts(limit, replace(INDEX, table_bytes=500 << 30))) == set()
    assert blocked(verdicts(limit, Proposal("system_setting", setting="jit", value="on"))) == set()


def test_a_closed_window_says_when_it_opens_and_an_open_one_when_it_closes() -> None:
    night = policy(Rules(window=(parse_window("Mon-Fri 22:00-05:00"),), window_timezone="Europe/Berlin"))
    level, reason = verdicts(night)["change window"]
    assert level is Level.BLOCK
    assert "opens Wed 2026-11-25 22:00 CET" in reason
    assert verdicts(night, now=NOON + 11 * 3600)["change window"][0] is Level.PASS
    level, reason = verdicts(night, now=NOON + 16.8 * 3600)["change window"]
    assert (level, "12 min" in reason) == (Level.WARN, True)
    assert "does not open" in verdicts(policy(Rules(window=())))["change window"][1]


def test_each_window_is_read_in_the_zone_of_its_own_file() -> None:
    user = Rules(window=(parse_window("12:00-13:00"),), window_timezone="Europe/Berlin")
    system = Rules(window=(parse_window("20:00-21:00"),), window_timezone="Asia/Tokyo")
    assert blocked(verdicts(policy(user, system=system))) == set()
    assert blocked(verdicts(policy(user, system=replace(system, window_timezone="UTC")))) == {"change window"}


def test_the_day_of_a_limit_is_that_of_the_file_that_sets_it() -> None:
    user, system = Rules(window_timezone="Asia/Tokyo", changes_per_day=9), Rules(changes_per_day=1)
    assert policy(user).day_zone == "Asia/Tokyo"
    assert policy(user, system=system).day_zone == ""
    assert policy(user, system=replace(system, window_timezone="UTC")).day_zone == "UTC"
    assert policy(user, system=Rules(window_timezone="UTC")).day_zone == "Asia/Tokyo"


def test_an_undo_is_open_to_everyone_at_any_time() -> None:
    closed = Rules(
        kinds=(), largest_table=0, window=(), settings=(), changes_per_day=0, second_approver=True,
        countersign_dir="/nowhere",
    )  # fmt: skip
    found = replace(policy(closed, system=closed), problems=("Broken.",))
    for kind in KINDS:
        forward = Proposal(kind, setting="work_mem", value="1MB")
        assert len(blocked(verdicts(found, forward))) >= 5
        assert blocked(verdicts(found, replace(forward, undo=True))) == set(), kind
    never = Proposal("system_setting", setting="fsync", value="off", undo=True)
    assert blocked(verdicts(found, never)) == {"setting"}


@pytest.mark.parametrize("allows", [False, True])
def test_a_kill_switch_stops_all_and_an_undo_unless_it_is_allowed(allows: bool) -> None:
    off = ((Switch("/etc/x/STOP", False, "the system's"), "/etc/x/STOP is there"),) if not allows else ()
    mine = (Switch("/home/a/STOP", allows, "yours"), "/home/a/STOP is there")
    assert blocked(verdicts(Policy(), pulled=(mine,))) == {"kill switch"}
    undo = replace(INDEX, undo=True)
    assert verdicts(Policy(), undo, pulled=(mine,))["kill switch"][0] is (Level.WARN if allows else Level.BLOCK)
    assert blocked(verdicts(Policy(), undo, pulled=(mine, *off))) == (set() if allows else {"kill switch"})


def test_a_second_approver_must_be_one_whose_file_counts() -> None:
    wants = policy(Rules(second_approver=True, countersign_dir="/srv/sign"))
    bad = Approval(3, "carl", problem="x.3.signed does not count: it is a link")
    assert "no countersign_dir" in verdicts(policy(Rules(second_approver=True)))["second approver"][1]
    assert "None has approved yet" in verdicts(wants)["second approver"][1]
    level, reason = verdicts(wants, approvals=(bad,))["second approver"]
    assert (level, "it is a link" in reason) == (Level.BLOCK, True)
    level, reason = verdicts(wants, approvals=(bad, Approval(2, "bert", NOON)))["second approver"]
    assert (level, "bert (uid 2)" in reason) == (Level.PASS, True)


def test_a_policy_that_cannot_be_relied_on_forbids() -> None:
    found = verdicts(replace(Policy(), problems=("Line 3 is wrong.",)))
    assert blocked(found) == {"policy"}
    assert "Line 3 is wrong." in found["policy"][1]


def test_hostile_words_do_not_reach_the_screen() -> None:
    evil = "\x1b]0;x\x07"
    for proposal in (Proposal(evil, table_bytes=1), Proposal("role_setting", setting=evil, value=evil)):
        assert not any("\x1b" in reason for _, reason in verdicts(Policy(), proposal).values())


def test_what_was_begun_today_is_counted_without_undos(change: Change) -> None:
    begun = replace(change, detail={"intent_at": NOON})
    undo = replace(begun, rolls_back="x")
    assert begun_since([begun, undo, change, replace(begun, detail={"intent_at": NOON - 1})], NOON) == 1


def test_every_rule_of_the_table_is_one_that_is_looked_at() -> None:
    """A key that could be written and is never read would protect nobody."""
    root = Path(__file__).resolve().parents[3] / "optischema_tui" / "core" / "policy"
    source = "".join((root / name).read_text() for name in ("check.py", "places.py", "rules.py"))
    for key in Rules.__dataclass_fields__:
        if key not in ("problems", "written"):
            assert f'said("{key}")' in source or f".{key}" in source, key
    assert BUILT_IN.source == ""
