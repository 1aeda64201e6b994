"""The yardsticks of `make bench` repeat what a turn writes."""

import json

from benchmarks.yardsticks import another
from chalicelib import bootstrap


def test_a_reservation_can_be_made_again_and_again(world):
    world.restart()
    client = bootstrap.services().gate.turns._database._connect()
    sent = []
    client.meta.events.register("before-send.dynamodb", lambda request, **_: sent.append(request))
    assert world.chat("What is a tide?", key=world.key()).headers["x-tidegate-cache"] == "miss"
    reservation = json.loads(next(each.body for each in sent if b"TransactItems" in each.body))

    for _ in range(3):
        client.transact_write_items(**another(reservation))
