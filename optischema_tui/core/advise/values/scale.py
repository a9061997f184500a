"""Values of a column as numbers, to find those that lie between two that are known."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_WHOLE = frozenset(("smallint", "integer", "bigint", "oid"))
_BROKEN = frozenset(("numeric", "real", "double precision"))
_MOMENT = re.compile(
    r"(\d{4,7})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?)?"
)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


@dataclass(frozen=True, slots=True)
class Scale:
    """How the texts of one type are numbers. Dates and timestamps count microseconds from 1970-01-01 (UTC)."""

    kind: str
    """whole, broken, date, moment or zoned"""

    @property
    def step(self) -> float:
        """The least difference of two values; 0 for none."""
        return {"whole": 1.0, "date": float(_DAY), "broken": 0.0}.get(self.kind, 1.0)

    @property
    def is_time(self) -> bool:
        return self.kind in ("date", "moment", "zoned")

    def number(self, text: str) -> float | None:
        """None for infinity, NaN, years before Christ and what is not of the type."""
        if self.is_time:
            return _moment(text)
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def coarse(self, low: float, high: float) -> int:
        """Decimals (negative: zeros) of a number that are enough between these two: six digits of their distance."""
        return 6 - math.floor(math.log10(high - low)) if 0 < high - low < math.inf else 15

    def text(self, number: float, decimals: int = 15) -> str:
        """The value's text, of numeric types and timestamps rounded to `decimals`."""
        if self.kind == "whole":
            return str(round(number))
        if self.kind == "broken":
            return repr(round(number, decimals))
        if self.kind == "date":
            return _date(round(number // _DAY))
        days, rest = divmod(round(round(number, min(0, decimals))), _DAY)
        seconds, micros = divmod(rest, _SECOND)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        fraction = f".{micros:06}".rstrip("0") if micros else ""
        return f"{_date(days)} {clock}{fraction}{'+00' if self.kind == 'zoned' else ''}"


def scale_of(type_name: str) -> Scale | None:
    """The scale of a type as format_type prints it; None for a type whose values are no numbers here."""
    base = type_name.split("(")[0].strip()
    if "[" in type_name:
        return None
    if base in _WHOLE:
        return Scale("whole")
    if base in _BROKEN:
        return Scale("broken")
    if base == "date":
        return Scale("date")
    if base.startswith("timestamp"):
        return Scale("zoned" if type_name.endswith("with time zone") else "moment")
    return None


def interval(micros: float) -> str:
    """An interval's text in whole seconds, at least one."""
    return f"{max(1, round(micros / _SECOND))} seconds"


def _moment(text: str) -> float | None:
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(match.group(place)) for place in (1, 2, 3))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    hours, minutes, seconds = (int(match.group(place) or 0) for place in (4, 5, 6))
    zone = sum(int(match.group(place) or 0) * unit for place, unit in ((9, 3600), (10, 60), (11, 1)))
    zone = -zone if match.group(8) == "-" else zone
    whole = _days(year, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds - zone
    return float(whole * _SECOND + int((match.group(7) or "0").ljust(6, "0")))


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms")."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _date(days: int) -> str:
    """The inverse of `_days`, as ISO text; days from the year 1 on."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return f"{year + era * 400 + (month <= 2):04}-{month:02}-{day:02}"
