"""What kind of server this is, by facts of its catalog, and what that means for whoever observes and changes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

POOLER = (
    "A connection pooler stands between: observing works, each query in a transaction of its own; changes are refused,"
    " because what a session sets or locks may belong to another client by the next statement. Connect to the server"
    " itself for advice and changes"
)
STANDBY = (
    "This is a standby: nothing can be changed here, and statements, sessions and index scans are this node's own."
    " An index that seems unused here may be in use on the primary. Connect to the primary for changes"
)


OLDEST, NEWEST = 13, 18
"""Major versions that are tested."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A managed service: nobody there is a superuser, and its own account does what one would do."""

    name: str
    grantor: str
    """The role whose members may give grants."""
    settings_place: str
    """Where settings are changed."""
    note: str = ""

    @property
    def meaning(self) -> str:
        sentence = (
            f"{self.name}: no role of yours is a superuser. Settings are changed in {self.settings_place}, not by ALTER"
            f" SYSTEM; grants are given by a member of {self.grantor}"
        )
        return f"{sentence}. {self.note}" if self.note else sentence


_AURORA = Provider(
    "Amazon Aurora",
    "rds_superuser",
    "the DB cluster parameter group",
    "Storage is shared by all nodes, so reads and writes of blocks mean other things than elsewhere;"
    " counters are each node's own: observe the writer and the readers one by one, by their instance endpoints",
)
_BY_ROLE = (
    ("neon_superuser", Provider("Neon", "neon_superuser", "the project's console",
                                "The compute stops when idle, and its counters begin anew")),
    ("supabase_admin", Provider("Supabase", "postgres", "the dashboard or the Supabase CLI",
                                "Ports of its pooler serve observing only: use the direct connection for changes")),
    ("rds_superuser", Provider("Amazon RDS", "rds_superuser", "the DB parameter group")),
    ("alloydbsuperuser", Provider("AlloyDB", "alloydbsuperuser", "the instance's database flags",
                                  "Its columnar engine and adaptive cache are not in the lab's model")),
    ("cloudsqlsuperuser", Provider("Google Cloud SQL", "cloudsqlsuperuser", "the instance's database flags")),
    ("azure_pg_admin", Provider("Azure Database for PostgreSQL", "azure_pg_admin", "the server parameters")),
    ("crunchy_superuser", Provider("Crunchy Bridge", "postgres", "the cluster's configuration parameters")),
    ("avnadmin", Provider("Aiven", "avnadmin", "the service's advanced configuration")),
    ("doadmin", Provider("DigitalOcean", "doadmin", "the database cluster's configuration API")),
)  # fmt: skip
_EXTENSIONS = {
    "citus": "Citus: figures here are of this node alone. Each worker has statements and indexes of its own, and an"
    " index created on the coordinator is created on every shard",
    "timescaledb": "TimescaleDB: a hypertable's rows lie in chunks, its indexes too. CREATE INDEX CONCURRENTLY does not"
    " work on a hypertable: such a change stops with the server's refusal, and nothing is left behind",
}
_FORKS = (
    ("-YB-", "YugabyteDB"),
    ("CockroachDB", "CockroachDB"),
    ("Greenplum", "Greenplum"),
    ("Redshift", "Amazon Redshift"),
    ("EnterpriseDB", "EDB Postgres Advanced Server"),
)


@dataclass(frozen=True, slots=True)
class Environment:
    provider: Provider | None
    sentences: tuple[str, ...]
    """What was recognised and what it means, most important first."""


def recognise(
    *,
    version: str,
    version_num: int,
    roles: Collection[str],
    extensions: Collection[str],
    aurora: bool,
    in_recovery: bool,
    pooled: bool,
) -> Environment:
    """What the server is, by `version()`, server_version_num, the names of known roles and extensions that exist, and
    whether aurora_version() does. A role of a provider's name proves nothing: it is a hint that anybody may see."""
    sentences: list[str] = []
    if pooled:
        sentences.append(POOLER)
    if in_recovery:
        sentences.append(STANDBY)
    provider = _AURORA if aurora else next((known for role, known in _BY_ROLE if role in roles), None)
    if provider is None and "neon" in extensions:
        provider = _BY_ROLE[0][1]
    if provider is not None:
        sentences.append(provider.meaning)
    sentences += [meaning for name, meaning in _EXTENSIONS.items() if name in extensions]
    if not OLDEST <= version_num // 10000 <= NEWEST:
        sentences.append(
            f"PostgreSQL {version_num // 10000} was not tested with this program, which knows {OLDEST} to {NEWEST}:"
            " what a view lacks or calls otherwise is left out"
        )
    sentences += [
        f"{name} is not PostgreSQL itself: what it answers was not tested with this program"
        for mark, name in _FORKS
        if mark in version
    ]
    return Environment(provider, tuple(sentences))
