"""The headless twins: one module per command, each with `run(context, arguments) -> exit code`."""
