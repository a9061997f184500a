"""Opens asyncpg's connection: host by host, each with its own deadline, and tells a failure as ours."""

from __future__ import annotations

import asyncio
from typing import Any

from optischema_tui.core.errors import AuthError, MissingPart, OptischemaError, ServerLost, TargetError
from optischema_tui.core.safe_text import one_line, redact
from optischema_tui.core.target import failures
from optischema_tui.core.target.driver_arguments import connect_seconds, driver_arguments, each_host, none_worked
from optischema_tui.core.target.spec import TargetSpec


async def dial(spec: TargetSpec, seconds: float = 0, **more: Any) -> Any:
    """An asyncpg connection to the first host that answers as the target wants it, within `seconds` each (0: the
    target's connect_timeout, else 10). `more` replaces arguments of asyncpg.

    When the server refuses a password that can be renewed, it is renewed and tried once more. Raises TargetError,
    AuthError, ServerLost or MissingPart.
    """
    current = spec.newest
    try:
        return await _first(current, seconds, more)
    except AuthError:
        newer = await asyncio.to_thread(current.renewed)
        if newer is None:
            raise
    return await _first(newer, seconds, more)


async def _first(spec: TargetSpec, seconds: float, more: dict[str, Any]) -> Any:
    errors: list[OptischemaError] = []
    for host in each_host(spec):
        try:
            return await _one(host, seconds or connect_seconds(spec), more)
        except TargetError as error:
            errors.append(error)
    raise none_worked(errors)


async def _one(spec: TargetSpec, seconds: float, more: dict[str, Any]) -> Any:
    import asyncpg

    from optischema_tui.core.target.auth_guard import GuardedLoop, is_needed

    arguments = driver_arguments(spec) | more
    guard = GuardedLoop(asyncio.get_running_loop(), spec) if is_needed(spec) else None
    if guard is not None:
        arguments["loop"] = guard
    try:
        async with asyncio.timeout(seconds):
            return await asyncpg.connect(**arguments, timeout=seconds + 1)
    except TimeoutError:
        raise failures.timed_out(spec, seconds) from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise failures.wrong_session(spec) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise (guard and guard.refused) or driver_error(error, spec) from None


def driver_error(error: Exception, spec: TargetSpec) -> OptischemaError:
    """The project's error for one of asyncpg's or the system's. Holds no secret."""
    import asyncpg

    if isinstance(error, asyncpg.PostgresError):
        return failures.from_server(error.sqlstate or "", str(error.args[0] if error.args else error), spec)
    if isinstance(error, OSError):
        return failures.from_system(error, spec)
    said = one_line(redact(str(error), spec.password), 300)
    if "gssapi" in said:
        return MissingPart(
            f"{failures.place(spec)} asks for Kerberos, which the observing driver cannot do here",
            "Its gssapi module is not installed",
            "Install it beside the program: pip install asyncpg[gssauth]",
        )
    if "password" in said and not spec.password:
        return failures.from_server("28P01", said, spec)
    if "closed" in said:
        # The driver words a session that the server has ended as a wrong call of its own methods.
        ended = "connection is closed" in said or "connection was closed" in said
        return ServerLost(
            f"The connection to {failures.place(spec)} broke", "Its other end closed it" if ended else said
        )
    return TargetError(f"{failures.place(spec)} cannot be used with these settings", said)
