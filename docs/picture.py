"""Make docs/dashboard.svg, the picture in the README: the program on its own demo after some traffic.

make picture
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from optischema_tui.app import OptischemaApp
from optischema_tui.bridge import Bridge
from optischema_tui.core.config import Config
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.demo.demo import Demo

POLLS = 14
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def picture(dsn: str, file: Path) -> None:
    with tempfile.TemporaryDirectory() as state:
        paths = Paths(Path(state) / "config.toml", Path(state))
        spec = replace(resolve(dsn, Config(), allow_changes=True), label="demo", interval=2.0)
        app = OptischemaApp(spec, lambda app: Bridge(app, spec, paths), theme_name="dark")
        async with app.run_test(size=(140, 42)) as pilot:
            while app.state.picture is None or len(app.state.picture.series) < POLLS:
                await pilot.pause(0.2)
            await pilot.pause(0.5)
            svg = app.export_screenshot(title="optischema-tui")
    # The exporter names fonts on a server of its own; a picture must not ask anybody for anything.
    file.write_text(FONTS.sub("", svg))


def main() -> None:
    file = Path(__file__).parent / "dashboard.svg"
    with Demo.start(lambda what, part: None) as demo:
        asyncio.run(picture(demo.dsn, file))
    print(file)


main()
