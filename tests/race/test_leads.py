"""Many turns that ask the same at once, on engines that hold under concurrency: one of them leads."""

from concurrent.futures import ThreadPoolExecutor

from chalicelib.domain.lead import Lead, Overtaken
from chalicelib.domain.ledger import subjects_of
from tests.builders import a_credential
from tests.contract.samples import CHARGE, NOW, cached, reservation

AT_ONCE = 16
ROUNDS = 6
SECONDS = 10


def test_one_leads_each_time_and_only_leaders_are_charged(make_stores):
    stores = make_stores()
    who = a_credential()

    def leads(name):
        lead = Lead("a", name, NOW, NOW + SECONDS)
        try:
            stores.turns.reserve(reservation(name, credential=who, lead=lead))
        except Overtaken:
            return None
        return lead

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(ROUNDS):
            leaders = list(filter(None, pool.map(leads, [f"t-{number}-{place}" for place in range(AT_ONCE)])))
            assert [stores.answers.look("a", NOW)] == leaders
            stores.answers.cede(leaders[0])

    used = stores.keys.balances(subjects_of(who), NOW)
    assert used["tenant", "day"].requests == ROUNDS * CHARGE.requests
    stores.answers.store("a", cached())
    assert leads("late") is None
