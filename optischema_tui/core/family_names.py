"""The names of the query families, for whoever must not import what reads them (the command line, the config)."""

OBJECTS = ("tables", "indexes", "sizes")
"""What `objects` tells."""
SERVER = ("databases", "io", "wal", "checkpointer", "replication", "slots", "progress", "locks", "settings")
"""What `server` tells."""
FAMILIES = ("statements", "activity", *OBJECTS, *SERVER)
"""Everything that is collected; a profile may give each an interval."""
