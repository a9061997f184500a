"""The files that a policy looks at: the system's rules, which must be root's, and kill switches."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from optischema_tui.core.config import Config, load_config
from optischema_tui.core.models import Level
from optischema_tui.core.policy.check import Proposal, check_policy
from optischema_tui.core.policy.places import load_policy, own_rules, pulled
from optischema_tui.core.policy.rules import OwnRules
from optischema_tui.core.target.resolver import describe
from tests.core.policy.conftest import ANNA, BERT

Users = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """What /etc/optischema-tui would be."""
    directory = tmp_path / "etc"
    directory.mkdir(mode=0o755)
    if os.geteuid() != 0:
        pytest.skip("only root can make files that root owns")
    return directory


def put(directory: Path, text: str | bytes, mode: int = 0o644) -> Path:
    file = directory / "policy.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return file


def config(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "mine" / "config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)
    return load_config(file)


def test_no_file_is_no_rule(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none", tmp_path / "none" / "deeper"):
        if os.geteuid() == 0 or not directory.exists():
            policy = load_policy(OwnRules(), directory)
            assert (policy.system, policy.problems) == (None, ())


def test_the_systems_rules_are_read_anew_each_time(system: Path) -> None:
    put(system, 'kinds = ["analyze"]\nchanges_per_day = 1\n')
    policy = load_policy(OwnRules(), system)
    assert policy.problems == ()
    assert [said.value for said in policy.said("kinds")][1:] == [("analyze",)]
    put(system, "changes_per_day = 2\n")
    assert [said.value for said in load_policy(OwnRules(), system).said("changes_per_day")] == [2]


@pytest.mark.parametrize(
    ("text", "words"),
    [("kinds = [", "not valid TOML"), (b"\xff\xfe", "not valid TOML"), ("kinds = ['x']", "kinds must be a list"),
     ("fsync = true", "unknown key fsync"), ("changes_per_day = -1", "0 to 10000"), ("window = 'Mon'\nx = 1", "x"),
     ("settings = {fsync = true}", "never changed"), ("[policy]\nkinds = []", "unknown key policy"),
     (b"#" * (1 << 20) + b"#", "too large"), ("a = " + "[" * 3000, "not valid TOML")],
)  # fmt: skip
def test_what_root_meant_and_wrote_wrongly_forbids_every_change(system: Path, text: str | bytes, words: str) -> None:
    put(system, text)
    policy = load_policy(OwnRules(), system)
    assert words in " ".join(policy.problems)
    lines = check_policy(policy, Proposal("create_index", table_bytes=1), now=0.0, applied_today=0)
    assert [line.name for line in lines if line.level is Level.BLOCK] == ["policy"]


@pytest.mark.parametrize("wrong", ["writable", "owner", "link", "fifo", "folder", "folder writable", "folder owner"])
def test_a_file_that_is_not_roots_alone_is_not_believed(system: Path, wrong: str) -> None:
    file = put(system, 'kinds = ["analyze"]\n')
    if wrong == "writable":
        file.chmod(0o664)
    elif wrong == "owner":
        os.chown(file, ANNA, 0)
    elif wrong == "link":
        file.rename(system / "other")
        file.symlink_to(system / "other")
    elif wrong == "fifo":
        file.unlink()
        os.mkfifo(file, 0o644)
    elif wrong == "folder":
        file.unlink()
        file.mkdir()
    elif wrong == "folder writable":
        system.chmod(0o777)
    else:
        os.chown(system, ANNA, 0)
    policy = load_policy(OwnRules(), system)
    assert policy.system is None
    assert len(policy.problems) == 1
    assert str(system) in policy.problems[0]


def test_a_file_that_cannot_be_read_forbids(shared: Path, users: Users) -> None:
    system = shared / "etc"
    system.mkdir(mode=0o755)
    put(system, 'kinds = ["analyze"]\n', mode=0o600)
    with users(ANNA):
        policy = load_policy(OwnRules(), system)
    assert "cannot be read" in policy.problems[0]


def test_a_target_has_the_rules_of_its_profile_and_the_general_ones(tmp_path: Path) -> None:
    text = '[policy]\nchanges_per_day = 3\n[profiles.p]\nhost = "h"\n[profiles.p.policy]\nkinds = ["analyze"]\n'
    found = config(tmp_path, text)
    spec = describe("p", found)
    assert [layer.rules.kinds for layer in spec.policy.layers] == [("analyze",), None]
    policy = load_policy(spec.policy, tmp_path / "none")
    assert [said.value for said in policy.said("changes_per_day")] == [3]
    assert "[profiles.p.policy]" in policy.said("kinds")[0].source
    assert describe(spec.dsn, found).policy == spec.policy, "the same target by its connection string"
    assert [layer.source for layer in describe("host=other", found).policy.layers] == [f"{found.path} [policy]"]


def test_a_wrong_policy_leaves_the_profile_and_forbids_its_changes(tmp_path: Path) -> None:
    text = '[profiles.p]\nhost = "h"\n[profiles.p.policy]\nkinds = ["x"]\n[profiles.q]\nhost = "i"\n'
    found = config(tmp_path, text)
    assert set(found.profiles) == {"p", "q"}
    assert len(load_policy(describe("p", found).policy, tmp_path / "none").problems) == 1
    assert load_policy(describe("q", found).policy, tmp_path / "none").problems == ()


@pytest.mark.parametrize("text", ["[policy", "polcy = 1", "[polisy]\nkinds = []", "policy = 1", "[policy]\nkind = []"])
def test_a_policy_that_was_not_understood_is_not_taken_for_none(tmp_path: Path, text: str) -> None:
    found = config(tmp_path, text)
    assert found.problems
    assert load_policy(own_rules(found, None), tmp_path / "none").problems


@pytest.mark.parametrize("what", ["file", "folder", "dangling link", "fifo"])
def test_a_kill_switch_is_whatever_lies_there(tmp_path: Path, what: str) -> None:
    mine = config(tmp_path, "")
    stop = tmp_path / "mine" / "STOP"
    policy = load_policy(own_rules(mine, None), tmp_path / "none")
    assert pulled(policy) == ()
    make = {
        "file": stop.touch, "folder": stop.mkdir, "dangling link": lambda: stop.symlink_to("nowhere"),
        "fifo": lambda: os.mkfifo(stop),
    }  # fmt: skip
    make[what]()
    assert [switch.path for switch, _ in pulled(policy)] == [str(stop)]


def test_a_named_kill_switch_is_one_more(tmp_path: Path, system: Path) -> None:
    named, theirs = tmp_path / "my-stop", tmp_path / "their-stop"
    put(system, f'kill_switch = "{theirs}"\nkill_switch_allows_undo = true\n')
    mine = config(tmp_path, f'[policy]\nkill_switch = "{named}"\n')
    policy = load_policy(own_rules(mine, None), system)
    usual = Path(os.environ["XDG_CONFIG_HOME"]) / "optischema-tui" / "STOP"
    places = {switch.path: switch.allows_undo for switch in policy.switches}
    assert places == {
        str(system / "STOP"): True, str(theirs): True, str(tmp_path / "mine" / "STOP"): True, str(usual): True,
        str(named): True,
    } or places == {
        str(system / "STOP"): True, str(theirs): True, str(tmp_path / "mine" / "STOP"): False, str(usual): False,
        str(named): False,
    }  # fmt: skip
    for file in (named, theirs, system / "STOP"):
        file.touch()
        assert len(pulled(policy)) == 1
        file.unlink()


def test_only_the_system_lets_an_undo_pass_its_own_kill_switch(tmp_path: Path, system: Path) -> None:
    mine = config(tmp_path, "[policy]\nkill_switch_allows_undo = true\n")
    allows = {switch.path: switch.allows_undo for switch in load_policy(own_rules(mine, None), system).switches}
    assert allows[str(system / "STOP")] is False
    assert allows[str(tmp_path / "mine" / "STOP")] is True
    put(system, "kill_switch_allows_undo = false\n")
    assert not any(switch.allows_undo for switch in load_policy(own_rules(mine, None), system).switches)


def test_a_kill_switch_that_cannot_be_looked_at_counts_as_pulled(tmp_path: Path, shared: Path, users: Users) -> None:
    closed = shared / "closed"
    closed.mkdir(mode=0o700)
    mine = config(tmp_path, f'[policy]\nkill_switch = "{closed}/STOP"\n')
    policy = load_policy(own_rules(mine, None), tmp_path / "none")
    assert pulled(policy) == ()
    with users(BERT):
        assert f"{closed}/STOP cannot be looked at" in " ".join(sentence for _, sentence in pulled(policy))
