"""Parameters of the shop's statements, by the frequency that its customers would cause."""

from __future__ import annotations

import hashlib
from datetime import datetime

from benchmarks.index_selection.templates import Draw, quoted

END = datetime(2025, 7, 1)
CUSTOMERS, PRODUCTS, ORDERS, CARTS, REVIEWS, COUPONS, CATEGORIES = (
    200_000,
    40_000,
    700_000,
    150_000,
    180_000,
    3_000,
    400,
)
SESSIONS = 50_000
FIRST = (
    "anna",
    "ben",
    "carla",
    "david",
    "elena",
    "felix",
    "greta",
    "hugo",
    "ida",
    "jonas",
    "karin",
    "lukas",
    "maria",
    "nils",
    "olga",
    "paul",
    "rosa",
    "simon",
    "tina",
    "uwe",
)
LAST = (
    "mueller",
    "schmidt",
    "weber",
    "fischer",
    "wagner",
    "becker",
    "hoffmann",
    "koch",
    "richter",
    "klein",
    "wolf",
    "neumann",
    "schwarz",
    "zimmermann",
    "braun",
    "krueger",
    "hartmann",
    "lange",
    "werner",
    "krause",
    "lehmann",
    "maier",
    "huber",
    "vogel",
    "keller",
    "frank",
    "berger",
)
MAIL = ("example.com", "mail.example", "post.example", "inbox.example", "web.example")
ADJECTIVES = ("soft", "light", "warm", "classic", "urban", "slim", "bold", "fine", "rough", "quiet", "bright", "deep")
FABRICS = ("linen", "cotton", "wool", "leather", "denim", "silk", "canvas", "oak", "steel", "glass")
COLOURS = ("black", "white", "blue", "red", "green", "beige", "brown", "pink", "yellow")
MATERIALS = ("cotton", "linen", "wool", "oak", "steel", "silk", "bamboo", "cork")
COUNTRIES = ("DE", "FR", "NL", "AT", "PL", "IT", "ES", "GB", "SE", "DK", "PT")


class ShopDraw(Draw):
    """Keys and texts of rows that exist."""

    def __init__(self, key: str) -> None:
        super().__init__(key, END)

    def customer(self) -> int:
        return self.skew(CUSTOMERS, 2.2)

    def product(self) -> int:
        return self.skew(PRODUCTS, 2.6)

    def category(self) -> int:
        return self.skew(CATEGORIES, 2)

    def order(self) -> int:
        return self.late(ORDERS)

    def cart(self) -> int:
        return self.late(CARTS, 0.02)

    def email(self) -> str:
        """As a customer types it: the case is anyone's."""
        number = self.customer()
        name = f"{FIRST[number % 20]}.{LAST[number // 20 % 27]}{number}@{MAIL[number * 7 % 5]}"
        return quoted(name.capitalize() if self.random.random() < 0.3 else name)

    def phone(self) -> str:
        return quoted(f"+49{100000000 + self.customer() * 7919 % 899999999}")

    def number(self) -> str:
        return quoted(f"SO-{self.order():09d}")

    def sku(self) -> str:
        return quoted(f"SKU-{self.product():07d}")

    def brand(self) -> str:
        return quoted(f"Brand {self.skew(350, 2)}")

    def coupon(self) -> str:
        return quoted(f"SAVE{self.skew(COUPONS, 2)}")

    def reference(self) -> str:
        return _md5(f"payment{self.order()}")

    def token(self) -> str:
        return _md5(f"cart{self.cart()}")

    def session(self) -> str:
        return _md5(f"session{self.late(SESSIONS, 0.1)}")

    def fresh(self) -> str:
        """A text that no row has."""
        return _md5(f"fresh{self.random.random()}")

    def title_prefix(self) -> str:
        """What a customer has typed so far in the search field."""
        typed = f"{self.random.choice(ADJECTIVES)} {self.random.choice(FABRICS)}"
        return quoted(typed[: self.random.randint(6, len(typed))] + "%")

    def name_prefix(self) -> str:
        first, last = self.random.choice(FIRST), self.random.choice(LAST)
        return quoted(f"{first.capitalize()} {last[:4].capitalize()}%")

    def postcode_prefix(self) -> str:
        return quoted(f"{self.random.randint(0, 999):03d}%")

    def customers(self, count: int) -> str:
        return ", ".join(str(self.customer()) for _ in range(count))


def _md5(text: str) -> str:
    return quoted(hashlib.md5(text.encode()).hexdigest())
