"""The config file: TOML, in which every mistake is named and none keeps the program from starting.

    [profiles.NAME]             libpq keywords (host, port, dbname, user, service, sslmode, ...), and password_command
                                (list of strings), keyring, credential, allow_changes, sample_rows, interval
                                (seconds), label, show (list of filter reasons), theme
    [profiles.NAME.intervals]   seconds by query family: activity = 1, tables = 300, ...; 0 turns one off
    [profiles.NAME.model]       provider, url, model: the language model that explains
    [profiles.NAME.policy]      what may be changed, when, and who must agree: docs/policy.md
    [policy]                    the same for every target, where a profile does not say otherwise
    [ui]                        theme, ascii, mouse, refresh (seconds between polls where a profile does not say)
    [lab]                       bindir; cache: false keeps no lab between starts
    [history]                   max_mb: the size that the history stays below

There is no place for a password in it.
"""

from __future__ import annotations

from optischema_tui.core.config.keywords import (
    AUTH_METHODS,
    KEYWORDS,
    PASSWORD_PLACES,
    SECRET_KEYWORDS,
    check_keywords,
    nearest,
)
from optischema_tui.core.config.model import (
    DEFAULT_INTERVAL,
    HISTORY_MB,
    LEAST_INTERVAL,
    Config,
    ModelEndpoint,
    Profile,
)
from optischema_tui.core.config.reader import load_config

__all__ = [
    "AUTH_METHODS",
    "DEFAULT_INTERVAL",
    "HISTORY_MB",
    "KEYWORDS",
    "LEAST_INTERVAL",
    "PASSWORD_PLACES",
    "SECRET_KEYWORDS",
    "Config",
    "ModelEndpoint",
    "Profile",
    "check_keywords",
    "load_config",
    "nearest",
]
