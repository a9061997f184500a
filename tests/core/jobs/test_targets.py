from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.config import load_config
from optischema_tui.core.errors import ConfigError, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.targets import PROFILE, RECENT, SERVICE, KnownTarget, add, listing, remove
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import describe

SECRET = "hunter2-canary"
CONFIG = """\
[profiles.prod]
host = "db"
dbname = "shop"
user = "dba"
allow_changes = true
label = "Shop"
password_command = ["touch", "{ran}"]

[profiles.same]
host = "db"
dbname = "shop"
user = "dba"

[profiles.broken]
hots = "db"

[profiles.lost]
service = "none"
"""
SERVICES = f"[mine]\nhost=h\ndbname=d\nuser=u\npassword={SECRET}\n[two words]\nhost=w\nuser=u\n[bad]\nnothing=1\n"


@pytest.fixture
def paths(tmp_path: Path, state_dir: Path) -> Paths:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.replace("{ran}", str(tmp_path / "ran")))
    file.chmod(0o600)
    Path(os.environ["HOME"], ".pg_service.conf").write_text(SERVICES)
    return Paths(file, state_dir)


def by_name(paths: Paths) -> dict[str, KnownTarget]:
    return {one.name: one for one in listing(paths, load_config(paths.config_file))}


def test_what_is_known_before_anything_was_reached(paths: Paths, tmp_path: Path) -> None:
    known = by_name(paths)
    assert list(known) == ["prod", "same", "lost", "broken", "service=mine", "service='two words'", "service=bad"]
    prod = known["prod"]
    assert (prod.origin, prod.label, prod.where, prod.dbname, prod.user) == (PROFILE, "Shop", "db:5432", "shop", "dba")
    assert (prod.allow_changes, prod.state, prod.seen_at, prod.problem) == (True, "", None, "")
    assert "hots" in known["broken"].problem
    assert "There is no service none" in known["lost"].problem
    assert (known["service=mine"].origin, known["service=mine"].where) == (SERVICE, "h:5432")
    assert known["service='two words'"].where == "w:5432"
    assert "nothing" in known["service=bad"].problem
    assert SECRET not in repr(known)
    assert not (tmp_path / "ran").exists()
    assert not paths.state_dir.exists()


def test_a_service_that_is_a_profile_too_keeps_its_name(paths: Paths) -> None:
    paths.config_file.write_text('[profiles.mine-too]\nhost = "h"\ndbname = "d"\nuser = "u"\nallow_changes = true\n')
    known = by_name(paths)
    assert known["service=mine"].label == "mine"
    assert known["mine-too"].label == "mine-too"
    assert known["service=mine"].allow_changes, "the same target, with what the profile says of it"


def test_what_was_reached_brings_its_state(paths: Paths) -> None:
    config = load_config(paths.config_file)
    shop, other = describe("prod", config), describe("host=else user=u dbname=x", config)
    with closing(History.open(paths.history_db, FixedClock(5000.0))) as history:
        history.remember_target(shop.key, TargetIdentity("77", 5, "shop", 160004), shop.dsn)
        history.note_state(shop.key, "observed")
        history.remember_target(other.key, TargetIdentity("78", 5, "x", 150003), other.dsn, "else/x")
    known = by_name(paths)
    for name in ("prod", "same"):
        assert (known[name].state, known[name].seen_at, known[name].server_version_num) == ("observed", 5000.0, 160004)
    recent = known[other.dsn]
    assert (recent.origin, recent.label, recent.where, recent.seen_at) == (RECENT, "else/x", "else:5432", 5000.0)
    assert sum(one.origin == RECENT for one in known.values()) == 1
    assert describe(recent.name, config).key == other.key


def test_a_history_or_service_file_that_cannot_be_read_does_not_hide_the_profiles(paths: Paths) -> None:
    paths.state_dir.mkdir(parents=True)
    paths.history_db.mkdir()
    Path(os.environ["HOME"], ".pg_service.conf").write_text("[mine]\nno equals sign\n")
    known = by_name(paths)
    assert known["prod"].problem == ""
    (service,) = (one for one in known.values() if one.origin == SERVICE)
    assert "Line 2 has no =" in service.problem


def test_a_profile_is_added_changed_and_removed(paths: Paths) -> None:
    assert add(paths, load_config(paths.config_file), "new", "postgresql://dba@h:6000/d?sslmode=require") == ""
    new = by_name(paths)["new"]
    assert (new.where, new.dbname, new.user) == ("h:6000", "d", "dba")
    add(paths, load_config(paths.config_file), "prod", "host=other user=dba dbname=shop")
    prod = by_name(paths)["prod"]
    assert (prod.where, prod.label, prod.allow_changes) == ("other:5432", "Shop", True)
    remove(paths, "new")
    remove(paths, "broken")
    assert not {"new", "broken"} & set(by_name(paths))
    with pytest.raises(UsageError, match="no profile new"):
        remove(paths, "new")


@pytest.mark.parametrize(
    "conninfo", [f"host=h password={SECRET}", f"postgresql://u:{SECRET}@h/d", "", f"host=h {SECRET}", "host=h port=0"]
)
def test_what_cannot_be_a_profile_is_not_added(paths: Paths, conninfo: str) -> None:
    before = paths.config_file.read_bytes()
    with pytest.raises(UsageError) as caught:
        add(paths, load_config(paths.config_file), "new", conninfo)
    assert SECRET not in caught.value.sentence
    with pytest.raises(ConfigError, match="hots"):
        add(paths, load_config(paths.config_file), "broken", "host=h")
    assert paths.config_file.read_bytes() == before
