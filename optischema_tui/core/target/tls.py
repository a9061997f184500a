"""What both drivers must agree on about TLS: the CA file, the client's key, the server's certificate."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import TargetError
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import ssl

_CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Debian, Red Hat, SUSE, Alpine."""


def system_ca_file() -> str:
    """The file of the CAs that this machine trusts; empty when none is found.

    Asked for by name, since the libpq of the psycopg wheel looks for `sslrootcert=system` where nothing is installed.
    """
    import ssl

    for file in (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_CA_BUNDLES):
        if file and os.path.isfile(file):
            return file
    return ""


def check_files(spec: TargetSpec) -> None:
    """Raise TargetError for a file of the TLS parameters that cannot be used, before either driver meets it.

    libpq would refuse a private key that others can read, asyncpg would take it; and both would ask for a passphrase on
    the terminal.
    """
    if spec.get("sslmode") == "disable" or _socket_only(spec):
        return
    root = spec.get("sslrootcert")
    if root and root != "system":
        _readable("sslrootcert", Path(root))
    elif not root and spec.get("sslmode").startswith("verify") and not os.path.exists(_home("root.crt")):
        raise TargetError(
            f"sslmode={spec.get('sslmode')} needs the CA that vouches for the server",
            f"{_home('root.crt')} does not exist",
            "Name its file with sslrootcert; sslrootcert=system stands for the CAs of this machine",
        )
    certificate, key = _client_files(spec)
    if certificate:
        _readable("sslcert", Path(certificate))
        if not key:
            raise TargetError("A certificate of the client is given, and no sslkey", f"The file is {certificate}")
        _check_key(Path(key))


def own_context(spec: TargetSpec) -> ssl.SSLContext:
    """verify-full in the cases that asyncpg does not know: the system's CAs, and a host name beside a hostaddr.

    Raises TargetError when a file cannot be used.
    """
    import ssl

    class NamedContext(ssl.SSLContext):
        """Proves the host's name whatever address was dialled."""

        def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
            if spec.get("host"):
                kwargs["server_hostname"] = spec.get("host")
            return super().wrap_bio(*args, **kwargs)

    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    least = os.environ.get("PGSSLMINPROTOCOLVERSION", "TLSv1.2").replace(".", "_")
    context.minimum_version = getattr(ssl.TLSVersion, least, ssl.TLSVersion.TLSv1_2)
    context.set_alpn_protocols(["postgresql"])
    root = spec.get("sslrootcert") or _home("root.crt")
    file = system_ca_file() if root == "system" else root
    try:
        if file:
            context.load_verify_locations(cafile=file)
        else:
            context.load_default_certs()
        certificate, key = _client_files(spec)
        if certificate:
            context.load_cert_chain(certificate, key or None, password="")
        revoked = os.environ.get("PGSSLCRL") or _home("root.crl")
        if os.path.isfile(revoked):
            context.load_verify_locations(cafile=revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    except OSError as error:  # an ssl.SSLError is one
        raise TargetError("A TLS file of the target cannot be used", str(error.strerror or error)) from None
    return context


def end_point_hash(certificate: bytes) -> bytes:
    """The channel binding `tls-server-end-point` (RFC 5929) of a server's certificate (DER): its hash, by the hash
    function of its signature, SHA-256 in place of MD5 and SHA-1. Raises ValueError when that function is not known."""
    import hashlib

    outer = _inside(certificate, 0)[0]
    _, after_body = _inside(certificate, outer)
    algorithm, _ = _inside(certificate, after_body)
    start, end = _inside(certificate, algorithm)
    name = _SIGNATURE_HASH.get(certificate[start:end].hex())
    if name is None:
        raise ValueError("the hash function of the certificate's signature is not known")
    return hashlib.new(name, certificate).digest()


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the DER element at `at` begins and ends."""
    try:
        length, start = der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, start = int.from_bytes(der[start : start + count], "big"), start + count
    except IndexError:
        raise ValueError("not a certificate") from None
    return start, start + length


_SIGNATURE_HASH = {
    "2a864886f70d010104": "sha256",  # md5WithRSA
    "2a864886f70d010105": "sha256",  # sha1WithRSA
    "2a864886f70d01010b": "sha256",
    "2a864886f70d01010c": "sha384",
    "2a864886f70d01010d": "sha512",
    "2a864886f70d01010e": "sha224",
    "2a8648ce3d0401": "sha256",  # ecdsa-with-SHA1
    "2a8648ce3d040301": "sha224",
    "2a8648ce3d040302": "sha256",
    "2a8648ce3d040303": "sha384",
    "2a8648ce3d040304": "sha512",
}
"""By the content of the signature's object identifier, in hex: RSA PKCS#1 and ECDSA."""


def _home(name: str) -> str:
    return os.path.expanduser(f"~/.postgresql/{name}")


def _client_files(spec: TargetSpec) -> tuple[str, str]:
    """The client's certificate and its key, as both drivers find them; empty where there is none."""
    default, default_key = _home("postgresql.crt"), _home("postgresql.key")
    certificate = spec.get("sslcert") or (default if os.path.exists(default) else "")
    key = spec.get("sslkey") or (default_key if os.path.exists(default_key) else "")
    return certificate, key if certificate else ""


def _socket_only(spec: TargetSpec) -> bool:
    return not spec.get("hostaddr") and all(host.startswith("/") for host in spec.get("host").split(","))


def _readable(keyword: str, file: Path) -> None:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        raise TargetError(f"The file of {keyword} cannot be read", f"{file}: {error.strerror}") from None


def _check_key(file: Path) -> None:
    """libpq's rule: 0600 or less, or 0640 or less for root's."""
    _readable("sslkey", file)
    status = file.stat()
    allowed = 0o640 if status.st_uid == 0 else 0o600
    if stat.S_IMODE(status.st_mode) & ~allowed & 0o777:
        raise TargetError(
            "The file of sslkey is open to others, so it is not used",
            f"{file} has mode {stat.S_IMODE(status.st_mode):04o}",
            f"Run: chmod 0600 {file}",
        )
    if status.st_uid not in (0, os.geteuid()):
        raise TargetError("The file of sslkey is not used", f"{file} belongs to another user")
    if b"ENCRYPTED" in file.read_bytes()[:65536]:
        raise TargetError(
            "The file of sslkey is locked with a passphrase",
            "The program cannot ask for it while it draws the screen",
            f"Store the key unlocked with mode 0600: openssl pkey -in {file} -out ...",
        )
