"""What this role may see and do on a server."""

from __future__ import annotations

import asyncio

from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.spec import TargetSpec


def examine(spec: TargetSpec) -> tuple[TargetIdentity, Capabilities]:
    """Connect once and probe. Raises TargetError or AuthError."""

    async def run() -> tuple[TargetIdentity, Capabilities]:
        observer = await Observer.connect(spec)
        try:
            return await probe(observer)
        finally:
            await observer.close()

    return asyncio.run(run())
