"""The catalogue that is served, and the one that somebody wrote."""

import threading

import pytest

from chalicelib.domain.errors import Misconfigured, StoreUnavailable, UnknownModel
from chalicelib.pipeline.models import CATALOGUE_SECONDS, Models
from tests.builders import NOW, a_catalogue, a_model

OLD, NEW = a_catalogue(a_model("old")), a_catalogue(a_model("new"))


class Shop:
    """Models over what `written` is, or raises, by now."""

    def __init__(self, written=None, faults=()):
        self.written, self.found, self.warned, self.reads, self.now = written, list(faults), [], 0, float(NOW)
        self.models = Models(OLD, self.read, lambda _: self.found, self, lambda: self.now)

    def read(self):
        self.reads += 1
        if isinstance(self.written, Exception):
            raise self.written
        return self.written

    def stale(self, faults):
        self.warned.append(list(faults))

    @property
    def served(self):
        return [model.id for model in self.models.allowed(None)]


def test_without_another_the_packages_own_is_served():
    assert Shop(None).served == ["old"]


def test_another_takes_its_place():
    shop = Shop(NEW)

    assert shop.served == ["new"]
    assert shop.models.find("new").id == "new"
    assert shop.models.named("old") is None
    with pytest.raises(UnknownModel):
        shop.models.find("new", ("old",))


def test_it_is_read_once_a_minute():
    shop = Shop(NEW)
    for _ in range(10):
        assert shop.served
    shop.now += CATALOGUE_SECONDS
    assert shop.served

    assert shop.reads == 2


def test_a_change_is_seen_without_a_deployment():
    shop = Shop(NEW)
    assert shop.served == ["new"]
    shop.written = OLD
    shop.now += CATALOGUE_SECONDS

    assert shop.served == ["old"]


@pytest.mark.parametrize(
    ("written", "faults", "warned"),
    [
        (a_catalogue(a_model("bad")), ["bad"], ["bad"]),
        (Misconfigured("not TOML"), [], ["not TOML"]),
        (StoreUnavailable("down"), [], ["down"]),
    ],
)
def test_the_last_good_one_stays_while_there_is_a_fault(written, faults, warned):
    shop = Shop(NEW)
    assert shop.served == ["new"]
    shop.written, shop.found = written, faults
    shop.now += CATALOGUE_SECONDS

    assert shop.served == ["new"]
    assert shop.warned == [warned]


def test_nobody_is_served_before_the_first_reading_has_ended():
    shop, served = Shop(NEW), []
    begun, go = threading.Event(), threading.Event()

    def slow():
        begun.set()
        go.wait(20)
        return NEW

    shop.models.read = slow
    threads = [threading.Thread(target=lambda: served.append(shop.served)) for _ in range(8)]
    threads[0].start()
    begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(20)

    assert served == [["new"]] * 8
