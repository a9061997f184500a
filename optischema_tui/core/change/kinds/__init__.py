"""The kinds of change, one module each, with the same parts: see `kind.Kind`."""
