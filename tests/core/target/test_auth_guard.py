"""What asyncpg is kept from telling a server that asks for the wrong login."""

from __future__ import annotations

import asyncio
import struct

import pytest

from optischema_tui.core.config import Config
from optischema_tui.core.errors import AuthError
from optischema_tui.core.target.auth_guard import GuardedLoop, allows
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.scram import MOST_ITERATIONS, Scram

SECRET = "hunter2-canary"


def request(code: int, body: bytes = b"") -> bytes:
    return b"R" + struct.pack("!II", len(body) + 8, code) + body


async def told_to(requests: list[bytes], words: str, *, pieces: bool = False) -> tuple[str, bytes]:
    """The refusal, and all that a server was sent after its first request; it makes one at each message."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (size,) = struct.unpack("!I", await reader.readexactly(4))
            await reader.readexactly(size - 4)
            for each in requests:
                for piece in [each[i : i + 1] for i in range(len(each))] if pieces else [each]:
                    writer.write(piece)
                    await writer.drain()
                heard.append(await reader.read(4096))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        dsn = f"host=127.0.0.1 port={port} user=u dbname=d sslmode=disable {words}"
        with pytest.raises(AuthError) as caught:
            await Observer.connect(with_password(resolve(dsn, Config()), SECRET))
    return caught.value.sentence, b"".join(heard)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request(3), "does not allow password"),
        (request(5, b"salt"), "does not allow md5"),
        (request(7), "does not allow gss"),
        (request(0), "without being asked"),
        (request(99), "an unknown method"),
        (request(10, b"OAUTHBEARER\0\0"), "does not allow oauth"),
        (b"R\0\0\0\x05\0", "does not speak"),
        (b"R\xff\xff\xff\xff", "does not speak"),
    ],
)
async def test_nothing_is_said_to_a_server_that_asks_for_another_login(asked: bytes, why: str, pieces: bool) -> None:
    sentence, heard = await told_to([asked], "require_auth=scram-sha-256", pieces=pieces)
    assert why in sentence
    assert heard == b""
    assert SECRET not in sentence


async def test_a_server_that_skips_the_proof_of_its_own_is_refused() -> None:
    sentence, heard = await told_to([request(10, b"SCRAM-SHA-256\0\0"), request(0)], "require_auth=scram-sha-256")
    assert "did not prove" in sentence
    assert SECRET.encode() not in heard


async def test_a_second_question_is_refused() -> None:
    sentence, heard = await told_to([request(10, b"SCRAM-SHA-256\0\0"), request(3)], "require_auth=!md5")
    assert "second login" in sentence
    assert SECRET.encode() not in heard


async def test_channel_binding_is_not_done_without_tls() -> None:
    offer = request(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
    dsn_words = "channel_binding=require"
    sentence, heard = await told_to([offer], dsn_words)
    assert "not encrypted" in sentence
    assert heard == b""


@pytest.mark.parametrize(
    ("rule", "method", "expected"),
    [
        ("", "password", True),
        ("scram-sha-256", "scram-sha-256", True),
        ("scram-sha-256", "none", False),
        ("md5, scram-sha-256", "scram-sha-256", True),
        ("!password,!md5", "md5", False),
        ("!password, !md5", "none", True),
    ],
)
def test_the_rule(rule: str, method: str, expected: bool) -> None:
    assert allows(rule, method) is expected


async def test_the_loop_stands_for_the_real_one() -> None:
    loop = asyncio.get_running_loop()
    assert asyncio.current_task(GuardedLoop(loop, resolve("host=h user=u", Config()))) is asyncio.current_task()  # type: ignore[arg-type]


def test_scram_as_the_rfc_has_it() -> None:
    """RFC 7677's exchange, but for the channel: its server's signature does not depend on how ours is written."""
    login = Scram("pencil", b"\x01\x02", nonce="rOprNGfwEbeRWgbNEkqO")
    assert login.first() == b"p=tls-server-end-point,,n=,r=rOprNGfwEbeRWgbNEkqO"
    answer = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final = login.final(answer)
    assert final.startswith(b"c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQI=,r=rOprNGfwEbeRWgbNEkqO%hvY")
    with pytest.raises(ValueError, match="does not know"):
        login.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"r=other,s=AA==,i=4096",
        b"r=nonce,s=AA==,i=4096",
        b"r=nonceX,s=AA==,i=0",
        b"r=nonceX,s=AA==,i=-1",
        b"r=nonceX,s=AA==,i=" + str(MOST_ITERATIONS + 1).encode(),
        b"r=nonceX,s=AA==,i=99999999999999999999",
        b"r=nonceX,s=A,i=4096",
        b"\xff\xfe",
    ],
)
def test_a_server_that_breaks_the_protocol(answer: bytes) -> None:
    with pytest.raises(ValueError, match="the server"):
        Scram(SECRET, b"", nonce="nonce").final(answer)
