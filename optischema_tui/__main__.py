"""`python -m optischema_tui` and the `optischema-tui` script."""

from __future__ import annotations


def main() -> int:
    from optischema_tui.cli import run

    return run()


if __name__ == "__main__":
    raise SystemExit(main())
