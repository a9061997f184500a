"""What sessions are at: average active sessions by wait, and who blocks whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optischema_tui.core.models import ActivitySample, Reading, Session, WaitPoint

CPU = "CPU"
"""Class and event of a session that waits for nothing: it is on a processor, or wants one."""
NOT_LISTED = "not listed"
"""Class of the sessions beyond the bound of a sample (`ActivitySample.left_out`): not idle, more is not known."""


@dataclass(frozen=True, slots=True)
class WaitShare:
    """One kind of wait, or one statement, over some samples."""

    wait_type: str
    """wait_event_type, or CPU."""
    wait_event: str
    average: float
    """Average active sessions: how many were at it at once."""
    share: float
    """0-1 of all active sessions."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A line of the blocking tree: a session that blocks others, or waits for one."""

    pid: int
    """0: prepared transactions, which have no process."""
    depth: int
    """0 for the root of a tree; the sessions that wait for it stand below, one deeper."""
    blocked_by: tuple[int, ...]
    """All that it waits for; the tree shows it once, below one of them. Empty for a root that waits for nobody."""
    behind: int
    """Sessions that wait for it, directly or not, as far as they stand below it."""
    cycle: bool = False
    """A root that waits for one of those behind it: a deadlock that the server has not broken yet."""


def is_active(session: Session) -> bool:
    """Whether it counts as active: state `active`, and neither a WAL sender nor a process in its main loop, which wait
    for work all day. An idle session that waits for its client (ClientRead) is not."""
    return session.state == "active" and session.wait_type != "Activity" and session.backend_type != "walsender"


def wait_of(session: Session) -> tuple[str, str]:
    """(class, event); CPU twice when it waits for nothing."""
    return (session.wait_type, session.wait_event) if session.wait_type else (CPU, CPU)


def wait_points(samples: Sequence[ActivitySample], seconds: float) -> tuple[WaitPoint, ...]:
    """Average active sessions by wait class in buckets of `seconds` of local wall clock; `samples` oldest first.

    The buckets begin at multiples of `seconds`, so that the same samples always fall into the same ones. The last one
    may not be full: its average is then of fewer samples. A bucket without a sample has no point, and the point after
    it `breaks`; so does one after the wall clock was set back.
    """
    points: list[WaitPoint] = []
    for bucket, some in _buckets(samples, seconds):
        counts: Counter[str] = Counter()
        for sample in some:
            counts.update(wait_of(session)[0] for session in sample.sessions if is_active(session))
            if sample.left_out:
                counts[NOT_LISTED] += sample.left_out
        at = (bucket + 1) * seconds
        averages = sorted(
            ((name, count / len(some)) for name, count in counts.items()), key=lambda one: (-one[1], one[0])
        )
        missing = bool(points) and not 0 < at - points[-1].at < 1.5 * seconds
        points.append(WaitPoint(at, seconds, len(some), tuple(averages), missing))
    return tuple(points)


def top_waits(samples: Sequence[ActivitySample]) -> tuple[WaitShare, ...]:
    """By class and event, the largest first."""
    counts = Counter(wait_of(session) for session in _active(samples))
    shares = [WaitShare(*wait, count / len(samples), count / counts.total()) for wait, count in counts.items()]
    return tuple(sorted(shares, key=lambda one: (-one.average, one.wait_type, one.wait_event)))


def blocking_tree(seen: ActivitySample | Reading) -> tuple[Blocked, ...]:
    """Who blocks whom, roots first, each followed by those that wait for it; empty when nobody waits.

    Takes a sample of sessions or a reading of the family `locks`. The root with the most sessions behind it stands
    first. A session that waits for several stands below one of them: one that itself waits for nobody if there is one,
    since that is who must be asked. Where all of some sessions wait for each other the lowest process id is the root.
    """
    return _tree(_edges(seen))


def _edges(seen: ActivitySample | Reading) -> dict[int, tuple[int, ...]]:
    """What each waiting process waits for."""
    if isinstance(seen, ActivitySample):
        return {
            session.pid: tuple(dict.fromkeys(session.blocked_by)) for session in seen.sessions if session.blocked_by
        }
    found: dict[int, dict[int, None]] = {}
    for row in seen.dicts():
        blocked, blocking = row.get("blocked_pid"), row.get("blocking_pid")
        if isinstance(blocked, int) and isinstance(blocking, int):
            found.setdefault(blocked, {})[blocking] = None
    return {pid: tuple(blockers) for pid, blockers in found.items()}


def _tree(edges: Mapping[int, tuple[int, ...]]) -> tuple[Blocked, ...]:
    below: dict[int, list[int]] = {}
    for pid, blockers in sorted(edges.items()):
        parent = next((each for each in blockers if each not in edges), blockers[0])
        if parent != pid:
            below.setdefault(parent, []).append(pid)
    roots = sorted({pid for blockers in edges.values() for pid in blockers if pid not in edges})
    trees = [_walk(root, edges, below) for root in roots]
    placed = {line.pid for tree in trees for line in tree}
    for pid in sorted(edges):  # what is left is in a cycle, or hangs on one
        if pid not in placed and _in_cycle(pid, edges, below):
            trees.append(_walk(pid, edges, below, cycle=True))
            placed |= {line.pid for line in trees[-1]}
    return tuple(line for tree in sorted(trees, key=lambda tree: (-tree[0].behind, tree[0].pid)) for line in tree)


def _in_cycle(pid: int, edges: Mapping[int, tuple[int, ...]], below: Mapping[int, list[int]]) -> bool:
    """Whether the chain of those it stands below comes back to it."""
    parents = {child: parent for parent, children in below.items() for child in children}
    at, steps = parents.get(pid), 0
    while at is not None and at != pid and steps <= len(edges):
        at, steps = parents.get(at), steps + 1
    return at == pid or pid not in parents


def _walk(
    root: int, edges: Mapping[int, tuple[int, ...]], below: Mapping[int, list[int]], cycle: bool = False
) -> list[Blocked]:
    order: list[tuple[int, int]] = []
    stack, seen = [(root, 0)], {root}
    while stack:
        pid, depth = stack.pop()
        order.append((pid, depth))
        children = [each for each in below.get(pid, ()) if each not in seen]
        seen.update(children)
        stack += [(each, depth + 1) for each in reversed(children)]
    lines: list[Blocked] = []
    for place, (pid, depth) in enumerate(order):
        end = next((at for at in range(place + 1, len(order)) if order[at][1] <= depth), len(order))
        lines.append(Blocked(pid, depth, edges.get(pid, ()), end - place - 1, cycle and place == 0))
    return lines


def _active(samples: Iterable[ActivitySample]) -> Iterable[Session]:
    return (session for sample in samples for session in sample.sessions if is_active(session))


def _buckets(samples: Sequence[ActivitySample], seconds: float) -> list[tuple[int, list[ActivitySample]]]:
    found: list[tuple[int, list[ActivitySample]]] = []
    for sample in samples:
        bucket = int(sample.taken_at // seconds)
        if not found or found[-1][0] != bucket:
            found.append((bucket, []))
        found[-1][1].append(sample)
    return found
