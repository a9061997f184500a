from __future__ import annotations

import random

import pytest

from optischema_tui.core.advise.choose.ledger import Atom, Ledger, bits


def test_the_numbers_of_a_masks_bits():
    assert bits(0) == []
    assert bits(0b1010011) == [0, 1, 4, 6]


def test_a_plan_is_also_that_of_every_set_between_what_it_reads_and_what_was_there():
    ledger = Ledger(0b1111, Atom(0, 0, 100.0))
    atom = Atom(given=0b0111, used=0b0010, price=40.0)
    ledger.record(atom)
    for between in (0b0010, 0b0011, 0b0110, 0b0111):
        assert ledger.exact(between) is atom
    assert ledger.exact(0b1010) is None
    assert ledger.exact(0b0101) is None


def test_bounds_come_from_smaller_and_larger_sets():
    ledger = Ledger(0b1111, Atom(0, 0, 100.0))
    ledger.record(Atom(0b1111, 0b1101, 10.0))
    ledger.record(Atom(0b0001, 0b0001, 60.0))
    ledger.record(Atom(0b0111, 0b0110, 30.0))
    assert (ledger.floor(0b0011), ledger.ceiling(0b0011)) == (30.0, 60.0)
    assert (ledger.floor(0b1011), ledger.ceiling(0b1011)) == (10.0, 60.0)
    ledger.record(Atom(0b0011, 0b0011, 50.0))
    assert (ledger.floor(0b0011), ledger.ceiling(0b0011)) == (50.0, 50.0)


def test_without_an_existing_index_that_every_known_plan_reads_the_price_is_unknown():
    ledger = Ledger(0b11, Atom(0b01, 0b01, 7.0))
    assert ledger.ceiling(0b10) == float("inf")


@pytest.mark.parametrize("seed", range(20))
def test_bounds_hold_the_true_price_whatever_has_been_asked(seed: int):
    source = random.Random(seed)
    plans = {0: 1000.0} | {source.randrange(1, 256): float(source.randint(1, 999)) for _ in range(12)}

    def ask(given: int) -> Atom:
        used = min((mask for mask in plans if not mask & ~given), key=lambda mask: (plans[mask], mask))
        return Atom(given, used, plans[used])

    ledger = Ledger(255, ask(0))
    for _ in range(40):
        ledger.record(ask(source.randrange(256)))
        probe = source.randrange(256)
        truth = ask(probe)
        assert ledger.floor(probe) <= truth.price <= ledger.ceiling(probe)
        known = ledger.exact(probe)
        assert known is None or known.price == truth.price
