"""What doctor adds for this machine and the way to the server, and its headless twin."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config, load_config
from optischema_tui.core.jobs.doctor import LEAST_FREE_BYTES, examine, history_part, lab_part, policy_part
from optischema_tui.core.paths import locate
from optischema_tui.core.target.capabilities import Level
from optischema_tui.core.target.connection_parts import connection_parts
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.server_facts import ServerFacts
from optischema_tui.twins import doctor
from optischema_tui.twins.context import Context


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = locate(str(tmp_path / "not" / "there" / "yet"))
    assert history_part(paths).available
    monkeypatch.setattr("os.access", lambda place, mode: Path(place) != tmp_path)  # root may write everywhere
    part = history_part(paths)
    assert part.level is Level.MISSING
    assert str(tmp_path) in part.reason
    assert "changes are refused" in part.reason


def test_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import disk_usage

    full = disk_usage(tmp_path)._replace(free=LEAST_FREE_BYTES - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda place: full)
    part = history_part(locate(str(tmp_path)))
    assert part.level is Level.LIMITED
    assert "2047 MB are free" in part.reason


def test_a_machine_without_programs_for_the_lab(tmp_path: Path) -> None:
    assert lab_part().available
    part = lab_part(str(tmp_path))
    assert part.level is Level.MISSING
    assert part.reason
    assert part.remedy


def test_a_policy_that_lets_nothing_be_changed_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    cases = {
        "changes_per_day = 0": "",
        "kind = 1": "unknown key kind",
        "second_approver = true": "no countersign_dir is set",
        f"second_approver = true\ncountersign_dir = '{tmp_path}/none'": "cannot be used",
    }
    for rule, words in cases.items():
        file.write_text(f"[policy]\n{rule}\n")
        part = policy_part(resolve("host=h", load_config(file)))
        assert (part.level is Level.OK) is (words == "")
        assert words in part.reason
    file.write_text("")
    (tmp_path / "STOP").touch()
    assert "STOP is there" in policy_part(resolve("host=h", load_config(file))).reason


def facts(**session: object) -> ServerFacts:
    return ServerFacts("d", {"tls": None, **session}, {}, None, None, {})


def encryption(target: str, tls: str | None = None) -> Level:
    part = connection_parts(resolve(target, Config()), facts(tls=tls))[1]
    assert part.name == "encryption"
    assert bool(part.reason) == (part.level is not Level.OK)
    return part.level


def test_encrypted_and_proved_are_two_things() -> None:
    far = "host=db.example user=u "
    assert encryption(far) is Level.MISSING
    assert encryption(far, "TLSv1.3") is Level.LIMITED
    assert encryption(far + "sslmode=require", "TLSv1.3") is Level.LIMITED
    assert encryption(far + "sslmode=verify-full sslrootcert=system", "TLSv1.3") is Level.OK
    assert encryption("host=127.0.0.1 user=u") is Level.OK
    assert encryption("host=db.example hostaddr=127.0.0.1 user=u") is Level.OK, "a tunnel's end on this machine"
    assert encryption("host=/run/postgresql user=u") is Level.OK
    assert encryption("host=/run/postgresql,db.example user=u") is Level.MISSING


def test_where_the_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def credentials(target: str, password: str = "") -> Level:
        spec = resolve(target, Config())
        return connection_parts(with_password(spec, password) if password else spec, facts())[2].level

    target = "host=/run/postgresql user=u dbname=d"
    assert credentials(target) is Level.OK, "the server asked for none"
    assert credentials(target, "typed") is Level.OK
    passfile = tmp_path / "passfile"
    passfile.write_text("*:*:*:u:secret\n")
    passfile.chmod(0o600)
    assert credentials(f"{target} passfile={passfile}") is Level.OK
    passfile.chmod(0o644)
    assert credentials(f"{target} passfile={passfile}") is Level.LIMITED
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert credentials(target) is Level.LIMITED


def test_the_whole_table_has_the_local_parts(fresh_db: str, state_dir: Path) -> None:
    _, found = examine(resolve(fresh_db, Config()), locate(str(state_dir)))
    assert [part.name for part in found.parts][-3:] == ["history", "lab", "policy"]
    assert all(part.title for part in found.parts)


def arguments(target: str, **more: object) -> Namespace:
    return Namespace(
        target=target, state_dir=None, config=None, allow_changes=False, json=bool(more.pop("json", False)), **more
    )


def test_the_twin_shows_groups_levels_and_remedies(fresh_db: str, capsys: pytest.CaptureFixture[str]) -> None:
    call = arguments(fresh_db)
    assert doctor.run(Context.of(call), call) == 0
    told = capsys.readouterr().out
    for words in ("Observe", "Change", "limited  Planning time of statements", "track_planning = on", "ok       "):
        assert words in told
    call = arguments(fresh_db, json=True)
    assert doctor.run(Context.of(call), call) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["provider"] is None
    assert value["environment"] == []
    planning = next(part for part in value["parts"] if part["name"] == "planning_time")
    assert (planning["level"], planning["available"]) == ("limited", True)
    assert set(planning) == {"name", "title", "group", "level", "available", "reason", "remedy"}


def test_the_twin_prints_the_script_of_a_tier(fresh_db: str, capsys: pytest.CaptureFixture[str]) -> None:
    call = arguments(fresh_db, sql=True, tier="lab")
    assert doctor.run(Context.of(call), call) == 0
    told = capsys.readouterr().out
    assert "GRANT pg_monitor TO" in told
    assert "pg_statistic_ext_data" in told
    call = arguments(fresh_db, sql=True, tier=None, json=True)
    assert doctor.run(Context.of(call), call) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["tier"] == "monitor"
    assert "pg_statistic" not in value["sql"].replace("pg_stat_statements", "")


def test_a_server_with_a_password(tcp_server: Cluster) -> None:
    spec = with_password(resolve(tcp_server.tcp_dsn(user="tester"), Config()), "correct-horse")
    _, found = examine(spec)
    assert found.part("encryption").level is Level.OK, "loopback"
    assert found.part("credentials").level is Level.OK
