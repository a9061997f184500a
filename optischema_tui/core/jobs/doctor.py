"""What this role may see and do on a server, and what this machine lacks for the rest."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.errors import LabError
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.paths import Paths, locate
from optischema_tui.core.policy.countersign import directory_problem
from optischema_tui.core.policy.places import load_policy, pulled
from optischema_tui.core.target.capabilities import Capabilities, Capability, Group, in_order
from optischema_tui.core.target.observer import PACKAGE, Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.roles_script import Ground, ScriptFacts, Tier, role_script
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

LEAST_FREE_BYTES = 2 * 2**30
"""The history's own limit of 1 GB, and as much again for a backup of it."""


def examine(spec: TargetSpec, paths: Paths | None = None, lab_bindir: str = "") -> tuple[TargetIdentity, Capabilities]:
    """Connect once and probe; add what this machine has for history and lab. Raises TargetError or AuthError.

    `paths` and `lab_bindir` are the call's own places; by default those of the environment.
    """

    async def run() -> tuple[TargetIdentity, Capabilities]:
        observer = await Observer.connect(spec)
        try:
            return await probe(observer)
        finally:
            await observer.close()

    identity, found = asyncio.run(run())
    local = (history_part(paths or locate()), lab_part(lab_bindir), policy_part(spec))
    return identity, replace(found, parts=in_order((*found.parts, *local)))


def script(spec: TargetSpec, tier: Tier) -> str:
    """The SQL of the role for `tier` on this server. Raises TargetError, AuthError or MissingPart."""

    async def run() -> ScriptFacts:
        observer = await Observer.connect(spec)
        try:
            identity, found = await probe(observer)
            rows = await observer.fetch(load(PACKAGE, "script_facts"))
        finally:
            await observer.close()
        grounds = tuple(Ground(row["schema"], row["owner"], row["superuser"], row["may_create"]) for row in rows)
        return ScriptFacts(
            identity.server_version_num, identity.database, found.extension_schema, grounds, found.provider
        )

    return role_script(asyncio.run(run()), tier)


def history_part(paths: Paths) -> Capability:
    """Can history and audit be written here, and is there room?"""
    title, group, directory = "History and audit", Group.LOCAL, paths.state_dir
    existing = next((place for place in (directory, *directory.parents) if place.exists()), Path("/"))
    files = [file for file in (paths.history_db, paths.audit_db) if file.exists()]
    closed = [str(place) for place in (existing, *files) if not os.access(place, os.W_OK)]
    if closed:
        reason = f"{closed[0]} cannot be written: observing works in memory only, and changes are refused"
        return Capability("history", False, reason, "Make it writable, or name another with --state-dir", title, group)
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        reason = f"The room in {existing} is not known: {error.strerror}"
        return Capability("history", True, reason, "", title, group, limited=True)
    if free < LEAST_FREE_BYTES:
        reason = f"{free // 2**20} MB are free in {existing}; the history with its backup may take 2 GB"
        remedy = "Free some, or name another with --state-dir"
        return Capability("history", True, reason, remedy, title, group, limited=True)
    return Capability("history", True, title=title, group=group)


def lab_part(bindir: str = "") -> Capability:
    """Are there programs of a PostgreSQL of which the lab can be made?"""
    title, group = "Programs for the lab", Group.LOCAL
    try:
        find_binaries(configured=bindir)
    except LabError as error:
        return Capability("lab", False, " ".join(error.parts[:2]), error.todo, title, group)
    return Capability("lab", True, title=title, group=group)


def policy_part(spec: TargetSpec) -> Capability:
    """Does a policy that can be relied on let changes be made here, but for windows and counts that come and go?"""
    title, group, policy = "Policy of changes", Group.LOCAL, load_policy(spec.policy)
    remedy = "See: optischema-tui policy TARGET"
    if policy.problems:
        reason = f"Nothing is applied under a policy that cannot be relied on. {policy.problems[0]}"
        return Capability("policy", False, reason, remedy, title, group)
    for switch, sentence in pulled(policy):
        return Capability("policy", False, f"{sentence}: nothing is applied ({switch.told})", remedy, title, group)
    if policy.second_approver is not None:
        where = policy.countersign_dir
        problem = directory_problem(where) if where else "A second approver is required, but no countersign_dir is set"
        if problem:
            return Capability("policy", False, problem, remedy, title, group)
    return Capability("policy", True, title=title, group=group)
