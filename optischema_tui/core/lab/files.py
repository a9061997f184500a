"""Gives the data files of a lab whose server is down the sizes of the target's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from optischema_tui.core.lab.image import BLOCK_SIZE, Image, Index
from optischema_tui.core.lab.size_model import Fields, fields_width
from optischema_tui.core.lab.sparse import btree_height, extend, pages_of, patch_btree


def size_files(image: Image, data_dir: Path, paths: Mapping[tuple[str, str], str]) -> None:
    """Extend every relation in `paths` ((schema, name) -> file below `data_dir`) with holes; B-trees get their height.

    Nothing may create or build anything on these relations afterwards: it would read the holes. Raises OSError.
    """
    fields = Fields(image.relations, image.statistics)
    for relation in image.relations.values():
        path = paths.get((relation.schema, relation.name))
        pages = relation.size_bytes // BLOCK_SIZE
        if path is None or relation.kind not in "rmi" or pages == 0:
            continue
        file = data_dir / path
        if pages <= pages_of(file):
            continue
        extend(file, pages)
        index = image.indexes.get(relation.oid)
        if index is not None and index.method == "btree":
            _raise(image, index, fields, file, pages)


def _raise(image: Image, index: Index, fields: Fields, file: Path, pages: int) -> None:
    table = image.relations[index.relation]
    keys = fields.of(table.schema, table.name, index.columns[: index.keys])
    height = index.height if index.height is not None else btree_height(pages, fields_width(keys))
    if height and pages > height + 2:
        patch_btree(file, height)
