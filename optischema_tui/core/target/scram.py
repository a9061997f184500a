"""SCRAM-SHA-256-PLUS (RFC 5802, 7677), the client's side: asyncpg knows SCRAM without channel binding only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import stringprep
import unicodedata

MECHANISM = b"SCRAM-SHA-256-PLUS"
MOST_ITERATIONS = 1_000_000
"""More would let a server stop the program for seconds: PostgreSQL's default is 4096."""


class Scram:
    """One login. Its methods are called in their order; all raise ValueError when the server breaks the protocol."""

    def __init__(self, password: str, end_point: bytes, nonce: str = "") -> None:
        self._password = prepared(password)
        self._binding = b"p=tls-server-end-point,," + end_point
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        self._bare = f"n=,r={self._nonce}"  # PostgreSQL takes the name from the start-up message
        self._server_key = b""
        self._signed = b""

    def first(self) -> bytes:
        return f"p=tls-server-end-point,,{self._bare}".encode()

    def final(self, answer: bytes) -> bytes:
        """The proof for the server's first message."""
        fields = _fields(answer)
        nonce, iterations = fields.get("r", ""), fields.get("i", "")
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ValueError("the server's nonce is not made from ours")
        if not (iterations.isascii() and iterations.isdecimal()) or not 0 < int(iterations[:9]) <= MOST_ITERATIONS:
            raise ValueError("the server asks for an unusual number of iterations")
        try:
            salt = base64.b64decode(fields.get("s", ""), validate=True)
        except binascii.Error:
            raise ValueError("the server's salt cannot be read") from None
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, int(iterations))
        client_key = _mac(salted, b"Client Key")
        self._server_key = _mac(salted, b"Server Key")
        without_proof = f"c={base64.b64encode(self._binding).decode()},r={nonce}"
        self._signed = b",".join((self._bare.encode(), answer, without_proof.encode()))
        signature = _mac(hashlib.sha256(client_key).digest(), self._signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, answer: bytes) -> None:
        """Raise ValueError when the server's last message does not prove that it knows the password."""
        try:
            told = base64.b64decode(_fields(answer).get("v", ""), validate=True)
        except binascii.Error:
            told = b""
        if not hmac.compare_digest(told, _mac(self._server_key, self._signed)):
            raise ValueError("the server does not know the password either")


def prepared(password: str) -> bytes:
    """The password after SASLprep (RFC 4013), or as it is where that does not allow it, as PostgreSQL does."""
    if password.isascii():
        return password.encode()
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    right = [stringprep.in_table_d1(c) for c in normal]
    mixed = any(right) and (any(map(stringprep.in_table_d2, normal)) or not (right[0] and right[-1]))
    refused = not normal or mixed or any(table(c) for c in normal for table in _PROHIBITED)
    return (password if refused else normal).encode("utf-8", "surrogateescape")


_PROHIBITED = (
    stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
    stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7,
    stringprep.in_table_c8, stringprep.in_table_c9,
)  # fmt: skip


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _fields(message: bytes) -> dict[str, str]:
    return {part[:1]: part[2:] for part in message.decode("ascii", "replace").split(",") if part[1:2] == "="}
