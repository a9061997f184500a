"""Makes the lab's server from an image: anew, or from one that was kept and is brought up to date.

Either way the same steps end it: the server is stopped, kept for the next time where that is worth it, its files get
their size, and it starts for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.cache import LabCache, cache_key
from optischema_tui.core.lab.contents import OWNER, About, Contents, Note
from optischema_tui.core.lab.ddl import foreign_statements
from optischema_tui.core.lab.extended import load_extended
from optischema_tui.core.lab.files import size_files
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.load import Failure, run
from optischema_tui.core.lab.locale import LabLocale, choose
from optischema_tui.core.lab.place import (
    SCRATCH,
    connect_admin,
    connect_builder,
    connect_planner,
    empty_place,
    make_place,
    origin,
    program_digest,
)
from optischema_tui.core.lab.refresh import Difference, compare
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

Progress = Callable[[str, float], None]

_WORTH_KEEPING = 0.1
"""Share of the relations whose statistics moved, from which a refreshed lab is kept in place of the old."""


@dataclass
class Parts:
    """A built lab: its server, its sessions, and what could not be modelled."""

    cluster: Cluster
    admin: Connection[Any]
    builder: Connection[Any]
    planner: Connection[Any]
    paths: dict[tuple[str, str], str]
    not_modelled: tuple[str, ...]
    origin: str = "built"
    """built (anew), reused (kept, nothing had changed), refreshed (kept, and brought up to date)."""


@dataclass
class _Work:
    image: Image
    binaries: Binaries
    locale: LabLocale
    progress: Progress
    failed: list[tuple[str, About | None, str]] = field(default_factory=list)
    paths: Mapping[About, str] = field(default_factory=dict)

    def note_failures(self, phase: str, failures: list[Failure]) -> None:
        self.failed += [(phase, failure.statement.about, str(failure)) for failure in failures]

    def step(self, what: str, begin: float, end: float) -> Callable[[float], None]:
        """Says `what`; the result moves the progress from `begin` to `end` of the whole."""
        self.progress(what, begin)
        return lambda share: self.progress(what, begin + (end - begin) * share)


def build(
    image: Image, binaries: Binaries, progress: Progress, cache: LabCache | None = None, target: str = ""
) -> Parts:
    """Start a private server and make it look like the image. Raises LabError; nothing is left behind then.

    With a `cache` the lab comes from it where one of the same `target` (any text that tells targets apart) is kept,
    and is kept there; what hinders that is in `cache.problem`.
    """
    import psycopg

    progress("starting the lab's server", 0.0)
    work = _Work(image, binaries, choose(image.server), progress)
    server = image.server
    name = "lab-" + cache_key(
        *origin(binaries, work.locale), program_digest(), target, server.database, server.role, server.statistics_source
    )
    try:
        if cache is not None:
            kept = _from_cache(work, cache, name)
            if kept is not None:
                return kept
        cluster = make_place(binaries, work.locale, cache, _size(image))
        with _stopped_on_error(cluster):
            return _finish(work, cluster, _fill(work, cluster), cache, name, "built")
    except (psycopg.Error, OSError) as error:
        raise LabError("The lab could not be built", one_line(str(error), 300)) from error


@contextmanager
def _stopped_on_error(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    except BaseException:
        cluster.stop()
        raise


def _from_cache(work: _Work, cache: LabCache, name: str) -> Parts | None:
    """The lab from a kept one, or None when there is none that can become it."""
    import psycopg

    with cache.entry(name) as found:
        if found is None:
            return None
        file, words = found
        try:
            note = Note.of_json(words)
        except (KeyError, TypeError, ValueError, IndexError):
            cache.drop(name, "its note cannot be read")
            return None
        contents = Contents(work.image, note.available)
        difference = compare(note, contents)
        if difference.rebuild:
            return None
        work.progress("taking the kept lab", 0.2)
        cluster = empty_place(work.binaries, _size(work.image))
        with _stopped_on_error(cluster):
            if not cache.take(name, file, cluster.data_dir, cluster.owner):
                cluster.stop()
                return None
            work.failed, work.paths = list(note.failed), note.paths
            if not difference:
                return _finish(work, cluster, contents, None, name, "reused")
            try:
                followed = _follow(work, cluster, contents, difference)
            except (psycopg.Error, LabError) as error:
                cache.drop(name, one_line(str(error), 120))
                followed = False
            if not followed:
                work.failed, work.paths = [], {}
                cluster.stop()
                return None
            worth = difference.schema or len(difference.columns) > _WORTH_KEEPING * len(note.columns)
            return _finish(work, cluster, contents, cache if worth else None, name, "refreshed")


def _fill(work: _Work, cluster: Cluster) -> Contents:
    """Load everything into a new running server."""
    with connect_admin(cluster) as admin, connect_builder(cluster) as builder:
        contents = Contents(work.image, _load_foreign(work, admin))
        work.note_failures("settings", run(admin, contents.settings))
        work.note_failures("schema", run(builder, contents.schema, work.step("loading the schema", 0.15, 0.55)))
        present = _present(admin)
        columns = [statement for statement in contents.columns if statement.about in present]
        work.note_failures("columns", run(builder, columns, work.step("loading the statistics", 0.55, 0.8)))
        work.note_failures("extended", load_extended(admin, builder, work.image, scratch=SCRATCH))
        relations = [statement for statement in contents.relations if statement.about in present]
        work.note_failures("relations", run(builder, relations, work.step("loading the sizes", 0.8, 0.9)))
        work.paths = _paths(admin)
    return contents


def _follow(work: _Work, cluster: Cluster, contents: Contents, difference: Difference) -> bool:
    """Bring a kept lab up to date; it runs afterwards. False when it does not follow: it must be built anew."""
    cluster.resume()
    work.progress("bringing the lab up to date", 0.4)
    with connect_admin(cluster) as admin, connect_builder(cluster) as builder:
        if difference.settings:
            work.failed = [failure for failure in work.failed if failure[0] != "settings"]
            work.note_failures("settings", run(admin, contents.settings))
        for drop in difference.drops:
            builder.execute(drop.encode())
        if run(builder, difference.adds):
            return False
        present = _present(admin)
        redone = {"columns": difference.columns, "relations": difference.relations, "extended": difference.extended}
        work.failed = [(phase, about, text) for phase, about, text in work.failed if about not in redone.get(phase, ())]
        _forget_columns(admin, difference.columns)
        columns = [s for s in contents.columns if s.about in difference.columns and s.about in present]
        work.note_failures("columns", run(builder, columns, work.step("loading the statistics", 0.5, 0.8)))
        _forget_extended(admin, difference.extended)
        work.note_failures(
            "extended", load_extended(admin, builder, work.image, scratch=SCRATCH, only=difference.extended)
        )
        relations = [s for s in contents.relations if s.about in difference.relations and s.about in present]
        work.note_failures("relations", run(builder, relations, work.step("loading the sizes", 0.8, 0.9)))
        work.paths = _paths(admin)
    return True


def _finish(work: _Work, cluster: Cluster, contents: Contents, cache: LabCache | None, name: str, origin: str) -> Parts:
    """Stop the server, keep it, give its files their size, and start it for good."""
    if cluster.pid:
        cluster.halt()
    if cache is not None:
        work.progress("keeping the lab for the next start", 0.92)
        cache.keep(name, cluster.data_dir, contents.note(work.failed, work.paths).as_json())
    work.progress("giving tables and indexes their size", 0.95)
    size_files(work.image, cluster.data_dir, work.paths)
    cluster.resume()
    admin, builder, planner = connect_admin(cluster), connect_builder(cluster), connect_planner(cluster)
    notes = [*work.image.not_read, *_locale_notes(work), *(text for _, _, text in work.failed)]
    work.progress("the lab is ready", 1.0)
    modelled = tuple(dict.fromkeys(map(one_line, notes)))
    return Parts(cluster, admin, builder, planner, dict(work.paths), modelled, origin)


def _load_foreign(work: _Work, admin: Connection[Any]) -> set[str]:
    """What only a superuser may make; before any statement of the target's own. Returns the extensions that exist."""
    known = {name for (name,) in admin.execute(b"SELECT name::text FROM pg_catalog.pg_available_extensions")}
    admin.execute(b"SET allow_system_table_mods = on")
    work.note_failures("foreign", run(admin, foreign_statements(work.image, known, OWNER)))
    admin.execute(b"RESET allow_system_table_mods")
    there = {name for (name,) in admin.execute(b"SELECT extname::text FROM pg_catalog.pg_extension")}
    work.failed += [
        (
            "foreign",
            None,
            f"extension {extension.name}: not on this machine; its types stand as text, its functions are missing",
        )
        for extension in work.image.extensions
        if extension.name not in known
    ]
    return there


def _size(image: Image) -> int:
    """About the bytes that the lab will take: a server, and for each relation a page and its rows of the catalog."""
    texts = sum(len(row.common_values or "") + len(row.histogram or "") for row in image.statistics)
    return (100 << 20) + 16384 * len(image.relations) + texts


def _present(admin: Connection[Any]) -> set[About]:
    rows = admin.execute(
        b"SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c"
        b" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384"
    )
    return {(schema, name) for schema, name in rows}


def _paths(admin: Connection[Any]) -> dict[About, str]:
    rows = admin.execute(
        b"SELECT n.nspname::text, c.relname::text, pg_catalog.pg_relation_filepath(c.oid)"
        b" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        b" WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'i')"
    )
    return {(schema, name): path for schema, name, path in rows}


def _forget_columns(admin: Connection[Any], about: set[About]) -> None:
    """Restoring statistics lays new ones over old ones, kind by kind: what is no longer there would stay."""
    admin.execute(
        b"DELETE FROM pg_catalog.pg_statistic s USING pg_catalog.pg_class c, pg_catalog.pg_namespace n,"
        b" unnest(%s::text[], %s::text[]) AS k (schema, name)"
        b" WHERE s.starelid = c.oid AND n.oid = c.relnamespace AND n.nspname = k.schema AND c.relname = k.name",
        ([schema for schema, _ in about], [name for _, name in about]),
    )


def _forget_extended(admin: Connection[Any], about: set[About]) -> None:
    admin.execute(
        b"DELETE FROM pg_catalog.pg_statistic_ext_data d"
        b" USING pg_catalog.pg_statistic_ext s, pg_catalog.pg_namespace n,"
        b" unnest(%s::text[], %s::text[]) AS k (schema, name)"
        b" WHERE d.stxoid = s.oid AND n.oid = s.stxnamespace AND n.nspname = k.schema AND s.stxname = k.name",
        ([schema for schema, _ in about], [name for _, name in about]),
    )


def _locale_notes(work: _Work) -> list[str]:
    notes = []
    if work.locale.approximate:
        notes.append(
            f"text ranges: the locale {work.image.server.collate} is not on this machine,"
            " row estimates of < and > on text are rough"
        )
    if work.image.collations:
        names = ", ".join(name for _, name in work.image.collations)
        notes.append(f"text ranges in the collations {names}: row estimates of < and > are rough")
    return notes
