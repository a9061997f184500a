"""What a GIN index keeps of a column's values, as far as its statistics tell."""

from __future__ import annotations

import json
from typing import Any

from optischema_tui.core.lab.arrays import parse_array
from optischema_tui.core.lab.image import ColumnStatistics
from optischema_tui.core.lab.other_sizes import Elements

UNKNOWN = Elements(5.0, 2000.0, 16.0)
_DOCUMENTS = 40
"""Sample documents that are looked into."""
_TRIGRAMS = 12_000.0
"""Different trigrams of ordinary text, at most."""


def elements(row: ColumnStatistics | None, kind: str, opclass: str, rows: float) -> Elements:
    """Elements of a column of type `kind` with the statistics `row`, over `rows` rows."""
    if row is None:
        return UNKNOWN
    if "trgm" in opclass:
        return Elements(row.width + 1.0, min(_TRIGRAMS, 40.0 * row.width * max(1.0, rows) ** 0.25), 4.0)
    if kind.startswith("jsonb"):
        return _of_documents(row, rows, paths="path" in opclass)
    listed = parse_array(row.common_elements or "{}")
    shares = [float(share) for share in parse_array(row.common_element_freqs or "{}")][: len(listed)]
    if not listed or not sum(shares):
        return UNKNOWN
    counts = [float(count) for count in parse_array(row.element_counts or "{}")]
    per_row = counts[-1] if counts else sum(shares)  # the last one is the mean
    left = max(0.0, per_row - sum(shares))
    others = rows * left / max(1.0, min(shares) * rows / 2) if left > 0.02 * per_row else 0.0
    width = sum(len(element.encode("utf-8", "replace")) + 1 for element in listed) / len(listed)
    return Elements(max(per_row, 1e-3), len(listed) + others, width)


def _of_documents(row: ColumnStatistics, rows: float, *, paths: bool) -> Elements:
    """jsonb_ops keeps keys and values, jsonb_path_ops a hash of each value with its path."""
    texts = [*parse_array(row.common_values or "{}"), *parse_array(row.histogram or "{}")]
    texts = texts[:: max(1, len(texts) // _DOCUMENTS)]
    seen: set[str] = set()
    total = size = 0
    for text in texts:
        try:
            found = _leaves(json.loads(text), "", paths)
        except (ValueError, RecursionError):
            continue
        total += len(found)
        size += sum(len(element) for element in found)
        seen |= found
    if not total:
        return UNKNOWN
    per_row = total / len(texts)
    new = len(seen) / total
    documents = row.n_distinct if row.n_distinct > 0 else -row.n_distinct * rows
    distinct = documents * per_row * new if new > 0.5 else float(len(seen))
    return Elements(per_row, distinct, 4.0 if paths else 2 + size / total)


def _leaves(value: Any, path: str, paths: bool) -> set[str]:
    if isinstance(value, dict):
        found = set() if paths else {f"k{key}" for key in value}
        return found.union(*(_leaves(part, f"{path}/{key}", paths) for key, part in value.items()))
    if isinstance(value, list):
        return set().union(*(_leaves(part, f"{path}/", paths) for part in value))
    return {f"{path}={value}" if paths else f"v{value}"}
