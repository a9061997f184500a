"""The one door for foreign text: nothing that came from a server, a model or a file is shown without passing here.

Widgets must still build plain `Text`/`Content` (never markup) from what they get: this module makes control
characters inert, not brackets.
"""

from __future__ import annotations

import re

_BIDI_AND_INVISIBLE = "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI_AND_INVISIBLE}\ud800-\udfff\U000e0000-\U000e007f]")
_SPACE = re.compile(r"\s+")

# Linear in the length of the text, also of a hostile one: no pattern may begin anew at every letter of a long word.
_SECRETS = (
    re.compile(r"(?i)\b(password|passwd|sslpassword)\s*=\s*(?!\$\d+(?:[\s),;]|\Z))('(?:[^'\\]|\\.)*'|[^\s'&]+)"),
    re.compile(r"(?i)\b(password)\s+('(?:[^']|'')*'|\$\w*\$.*?\$\w*\$)"),
    re.compile(r"(://[^\s:/@]*):([^\s@/]+)@"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END|\Z)", re.DOTALL),
    re.compile(r"(?<![\w-])(eyJ[\w-]{8,})\.[\w-]+\.[\w-]+"),
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def clean(text: str) -> str:
    """`text` with every control, bidi and invisible character replaced by a visible one. Newline and tab stay."""
    return _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))


def one_line(text: str, width: int = 0) -> str:
    """`clean` text on one line; cut to `width` terminal cells with an ellipsis when `width` > 0."""
    head = text[: width * 16 + 256] if width else text
    flat = _SPACE.sub(" ", clean(head)).strip()
    return fit(flat, width) if width else flat


def spoken(subject: str) -> str:
    """What a change is about, as a person types it: on one line, without the quotes of SQL."""
    return one_line(subject.replace('"', ""))


def fit(text: str, width: int) -> str:
    """Clean one-line `text` cut to at most `width` cells, the last being an ellipsis when something was cut."""
    if width <= 0:
        return ""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    if 2 * len(text) <= width:  # no character is wider than two cells
        return text
    from wcwidth import wcwidth  # 35 ms that the first frame does not have

    cells = cut = 0
    for position, character in enumerate(text):
        cells += max(0, wcwidth(character))
        if cells > width:
            return text[:cut] + "…"
        if cells < width:
            cut = position + 1
    return text


def redact(text: str, *known: str) -> str:
    """`text` without secrets: password pairs, URL passwords, keys, tokens, and every exact value in `known`."""
    for value in known:
        if value:
            text = text.replace(value, "********")
    text = _SECRETS[0].sub(r"\1=********", text)
    text = _SECRETS[1].sub(r"\1 '********'", text)
    text = _SECRETS[2].sub(r"\1:********@", text)
    text = _SECRETS[3].sub(r"\1 ******** \2", text)
    return _SECRETS[4].sub("********", text)
