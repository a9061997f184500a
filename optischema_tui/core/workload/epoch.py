"""When counters can be compared, and how long it was between two snapshots."""

from __future__ import annotations

from optischema_tui.core.models import Epoch, Reading, Snapshot

CLOCK_SLACK_SECONDS, CLOCK_SLACK_SHARE = 2.0, 0.05
"""How far two clocks may be apart over one interval."""


def end_of_epoch(previous: Snapshot, current: Snapshot) -> str:
    """Why no counter of the two may be compared, a clause fit to follow a colon; empty when they may."""
    if previous.target.fingerprint != current.target.fingerprint:
        return "another database answered"
    if previous.epoch != current.epoch:
        return _change(previous.epoch, current.epoch)
    if current.unreadable < previous.unreadable:
        return "statements became readable that were not before"
    return ""


def start_of_epoch(epoch: Epoch) -> float:
    """The latest moment, by the server's clock, from before which no counter may be used."""
    return max(epoch.postmaster_start, epoch.stats_reset or 0.0, epoch.crashed_at)


def interval_seconds(previous: Snapshot | Reading, current: Snapshot | Reading) -> float:
    """Seconds between two of them: by our monotonic clock, or by the server's where that one cannot be right.

    What comes from history may be of another run of the program, or of another boot: then the monotonic difference
    agrees neither with the local wall clock nor with the server's. One of these two stepping is no reason for doubt.
    """
    ticks = current.monotonic - previous.monotonic
    server = current.server_clock - previous.server_clock
    wall = current.taken_at - previous.taken_at
    slack = max(CLOCK_SLACK_SECONDS, CLOCK_SLACK_SHARE * ticks)
    if previous.monotonic > 0 and ticks > 0 and min(abs(ticks - server), abs(ticks - wall)) <= slack:
        return ticks
    return server


def _change(old: Epoch, new: Epoch) -> str:
    if old.system_identifier != new.system_identifier:
        return "another server answered"
    if old.timeline != new.timeline:
        return "a standby took over"
    if old.server_version_num != new.server_version_num or old.extension_version != new.extension_version:
        return "the server or pg_stat_statements was upgraded"
    if old.postmaster_start != new.postmaster_start:
        return "the server was restarted"
    if old.crashed_at != new.crashed_at:
        return "the server crashed, or its statistics were reset"
    return "pg_stat_statements was reset"
