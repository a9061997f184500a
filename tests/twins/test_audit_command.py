"""`audit` as a person or a script calls it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.cli import run
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.models import Change, ChangeState, TargetIdentity, digest


def change(number: int, state: ChangeState, rolls_back: str = "") -> Change:
    sql = f'CREATE INDEX CONCURRENTLY "i{number}" ON "public"."orders" USING btree ("a")'
    return Change(
        f"0192f000-000{number}-7000-8000-000000000000", "aa11", TargetIdentity("7301", 5, "shop", 180000), "host=/tmp",
        "create_index", "Index orders", sql, f'DROP INDEX CONCURRENTLY "public"."i{number}"', digest(sql), state,
        "public", "orders", f"i{number}", rolls_back=rolls_back,
    )  # fmt: skip


@pytest.fixture
def journal(state_dir: Path):
    state_dir.mkdir(parents=True)
    with closing(Journal.open(state_dir / "audit.db")) as opened:
        who = {"who": {"os_user": "dana"}, "table": "public.orders"}
        opened.save(
            change(1, ChangeState.APPROVED), "change.approved", who | {"from": "proposed"}, {"plan": "Seq Scan"}
        )
        opened.save(change(1, ChangeState.KEPT), "change.kept", {"who": {"os_user": "eve"}, "from": "verifying"})
        opened.save(change(2, ChangeState.PROPOSED, change(1, ChangeState.KEPT).id), "change.proposed",
                    who | {"rolls_back": change(1, ChangeState.KEPT).id})  # fmt: skip
        yield opened


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    def call(*words: str) -> tuple[int, str, str]:
        code = run(["audit", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_the_list_is_filtered(journal: Journal, call) -> None:
    def seqs(*words: str) -> list[int]:
        return [entry["seq"] for entry in json.loads(call("list", "--json", *words)[1])["entries"]]

    assert seqs() == [1, 2, 3, 4]
    assert seqs("--user", "dana") == [2, 4]
    assert seqs("--user", "dana", "--state", "approved") == [2]
    assert seqs("--object", "orders", "--limit", "1") == [4]
    assert seqs("--since", "2") == [3, 4]
    assert seqs("--user", "nobody") == []
    code, out, _ = call("list", "--user", "nobody")
    assert (code, out) == (0, "No entry fits.\n")
    assert "public.orders" in call("list")[1]


def test_one_change_is_told_whole(journal: Journal, call) -> None:
    code, out, _ = call("list", "--change", "0192f000-0001", "--json")
    told = json.loads(out)
    assert (code, told["state"], told["undone_by"]) == (0, "kept", [change(2, ChangeState.KEPT).id])
    assert [entry["seq"] for entry in told["entries"]] == [2, 3]
    assert list(told["evidence_kept"].values()) == ["Seq Scan"]
    text = call("list", "--change", "0192f000-0001")[1]
    assert "undone by 0192f000-0002" in text
    assert "evidence of entry 2, plan" in text
    assert "Seq Scan" in text
    code, _, err = call("list", "--change", "ff")
    assert code == 2
    assert "no change ff" in err


def test_verify_says_what_it_could_not_see(journal: Journal, call, tmp_path: Path) -> None:
    code, out, _ = call("verify")
    assert code == 0
    assert "intact: 4 entries" in out
    assert "not seen: Without an anchor" in out
    anchor = tmp_path / "anchor"
    anchor.write_text(call("anchor")[1])
    code, out, _ = call("verify", "--anchor", str(anchor))
    assert (code, "not seen" in out) == (0, False)
    assert [entry.event for entry in journal.entries()][-2:] == ["audit.verified"] * 2
    log = tmp_path / "server.log"
    log.write_text("/* optischema id=0192f000-0001-7000-8000-000000000000 head=ffffffffffff */ CREATE INDEX\n")
    code, out, _ = call("verify", "--server-log", str(log))
    assert code == 1
    assert "BROKEN at entry 2 (rewritten)" in out


def test_broken_and_unreadable_have_codes_of_their_own(journal: Journal, call, state_dir: Path) -> None:
    anchor = state_dir / "anchor"
    anchor.write_text(f"9:{'0' * 64}\n")
    code, out, _ = call("verify", "--anchor", str(anchor), "--json")
    told = json.loads(out)
    assert (code, told["ok"], told["kind"], told["first_bad"], told["anchored"]) == (1, False, "shortened", 5, True)
    journal.close()
    for file in state_dir.glob("audit.db-*"):
        file.unlink()
    (state_dir / "audit.db").write_bytes(b"no database" * 1000)
    code, out, err = call("verify", "--json")
    assert code == 2
    assert json.loads(out)["error"]["what"]
    assert "damaged" in err


def test_an_export_begins_where_it_is_asked_to(journal: Journal, call) -> None:
    assert [json.loads(line)["seq"] for line in call("export", "--since", "2")[1].splitlines()] == [3, 4, 5]
    assert call("export", "--format", "csv")[1].splitlines()[0] == "seq,at,event,change_id,body,prev,hash"


def test_pruning_tells_how_much(journal: Journal, call) -> None:
    assert json.loads(call("prune", "--json")[1]) == {"pieces": 0}
    assert "1 pieces of evidence older than 0 days" in call("prune", "--days", "0")[1]
    assert call("verify")[0] == 0


def test_who_comes_to_change_something_is_told(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keep", "0192f000-0002", "--reason", "I know better"]) != 0, "there is nothing to keep"
    last = [entry for entry in journal.entries() if entry.event == "program.login"]
    assert [(entry.body["command"], entry.body["target"]) for entry in last] == [("keep", "0192f000-0002")]
    before = journal.head()
    assert run(["changes"]) == 0
    assert journal.head() == before
    assert run(["profiles", "add", "shop", "host=/tmp dbname=shop"]) == 0
    assert run(["profiles", "remove", "shop"]) == 0
    assert [entry.event for entry in journal.entries()][-4:] == [
        "profile.added", "config.seen", "profile.removed", "config.changed",
    ]  # fmt: skip


def test_the_config_names_the_anchors(journal: Journal, call, state_dir: Path, tmp_path: Path, capsys) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[audit]\nsyslog = false\ncheckpoint = "{tmp_path}/none/heads"\n')
    code, _, err = call("verify", "--config", str(config))
    assert code == 0
    assert run(["keep", "0192f000-0002", "--reason", "x", "--config", str(config)]) != 0
    assert "checkpoint file" in capsys.readouterr().err
    config.write_text('[audit]\nsyslog = "yes"\ncheckpoint = "heads"\n')
    _, _, err = call("verify", "--config", str(config))
    assert "audit.syslog must be true or false" in err
    assert "audit.checkpoint must be a file, from / or ~/ on" in err
