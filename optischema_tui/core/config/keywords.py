"""The connection keywords that both drivers honour, and what their values may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optischema_tui.core.errors import ConfigError

PASSWORD_PLACES = (
    "Passwords belong in ~/.pgpass (mode 0600), in a service file, in PGPASSWORD, in the keyring, or behind a "
    "profile's password_command; else the program asks"
)
KEYWORDS = (
    "host", "hostaddr", "port", "dbname", "user", "service", "sslmode", "sslrootcert", "sslcert", "sslkey",
    "passfile", "target_session_attrs", "connect_timeout", "channel_binding", "require_auth", "krbsrvname",
)  # fmt: skip
"""The libpq keywords that both drivers are given."""
SECRET_KEYWORDS = ("password", "sslpassword", "passwd", "pgpassword")
AUTH_METHODS = ("password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none")
"""What require_auth may name."""
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "channel_binding": ("disable", "prefer", "require"),
}


def check_keywords(params: Mapping[str, str], where: str) -> None:
    """Raise ConfigError when a value of a connection keyword cannot be right. Values are not repeated in the error."""
    for keyword, value in params.items():
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
            raise ConfigError(f"{where}: {keyword} holds a control character")
        choices = _CHOICES.get(keyword)
        if choices and value not in choices:
            raise ConfigError(
                f"{where}: {keyword} has an unknown value",
                todo=f"{nearest(value, choices)} Choose one of {', '.join(choices)}".strip(),
            )
        if keyword == "port" and not all(_is_port(part) for part in value.split(",")):
            raise ConfigError(f"{where}: port is not a number from 1 to 65535")
        if keyword == "connect_timeout" and not (value.isascii() and value.isdecimal() and len(value) < 7):
            raise ConfigError(f"{where}: connect_timeout is not a whole number of seconds")
        if keyword == "require_auth" and not _is_auth_list(value):
            raise ConfigError(
                f"{where}: require_auth is not a list of methods",
                todo=f"Join some of {', '.join(AUTH_METHODS)} by commas, either all or none with a ! before it",
            )


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names most like `name`, as words for an error's last sentence; empty when none is close."""
    import difflib

    close = difflib.get_close_matches(name[:100], list(known), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) < 65536


def _is_auth_list(value: str) -> bool:
    words = [word.strip() for word in value.split(",")]
    negated = [word.startswith("!") for word in words]
    return all(negated) == any(negated) and all(word.removeprefix("!") in AUTH_METHODS for word in words)
