"""Expression text as the server deparses it, cut and joined by tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from optischema_tui.core.workload.lexer import Token, identifier, significant

NAMES = ("word", "quoted")


def canonical(text: str) -> str:
    """The same text for equal expressions: without enclosing parentheses, comments and stray spaces."""
    return joined(unwrapped(list(significant(text))))


def joined(stream: Sequence[Token], without: Collection[int] = ()) -> str:
    """The tokens, less those at the positions `without`, with one space wherever the original had some."""
    parts: list[str] = []
    gap = False
    for position, token in enumerate(stream):
        if position and token.start > stream[position - 1].start + len(stream[position - 1].text):
            gap = True
        if position in without:
            continue
        if gap and parts:
            parts.append(" ")
        parts.append(token.text)
        gap = False
    return "".join(parts)


def unqualified(stream: Sequence[Token], aliases: Collection[str]) -> str:
    """The text with `alias.` taken from in front of every column of `aliases`."""
    without: set[int] = set()
    for position in range(len(stream) - 2):
        before = stream[position - 1].text if position else ""
        after = stream[position + 3].text if position + 3 < len(stream) else ""
        if (
            stream[position].kind in NAMES
            and stream[position + 1].text == "."
            and stream[position + 2].kind in NAMES
            and before not in (".", "::")
            and after != "("
            and identifier(stream[position]) in aliases
        ):
            without |= {position, position + 1}
    return joined(stream, without)


def split(stream: Sequence[Token], word: str) -> list[list[Token]]:
    """The parts between each `word` at the outermost level."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in stream:
        depth += nesting(token)
        if depth == 0 and token.kind == "word" and token.text.lower() == word:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def unwrapped(stream: list[Token]) -> list[Token]:
    """Without the parentheses that enclose all of it."""
    while len(stream) >= 2 and stream[0].text == "(" and closing(stream) == len(stream) - 1:
        stream = stream[1:-1]
    return stream


def closing(stream: Sequence[Token]) -> int:
    """Where the parenthesis that begins `stream` ends; -1 when it does not."""
    depth = 0
    for position, token in enumerate(stream):
        if token.kind == "op":
            depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return position
    return -1


def nesting(token: Token) -> int:
    """1 for an opening parenthesis or bracket, -1 for a closing one, else 0."""
    return (token.text in "([") - (token.text in ")]") if token.kind == "op" else 0


def words(stream: Sequence[Token]) -> list[str]:
    """Per token: a bare word in lower case, anything else as it is."""
    return [token.text.lower() if token.kind == "word" else token.text for token in stream]


def conjuncts(text: str) -> list[list[Token]]:
    """The conditions that must all hold, each without its enclosing parentheses."""
    return _conjuncts(list(significant(text)))


def _conjuncts(stream: list[Token]) -> list[list[Token]]:
    stream = unwrapped(stream)
    if len(split(stream, "or")) > 1 or _between(stream):
        return [stream]
    parts = split(stream, "and")
    if len(parts) == 1:
        return [stream] if stream else []
    return [each for part in parts for each in _conjuncts(part)]


def _between(stream: list[Token]) -> bool:
    """BETWEEN's AND is none of ours; deparsed text has none, a hand-written predicate may."""
    depth = 0
    for token in stream:
        depth += nesting(token)
        if depth == 0 and token.kind == "word" and token.text.lower() == "between":
            return True
    return False
