"""What a deployment asks of what it deployed, against the product itself."""

import pytest

from chalicelib.domain.identity import RANDOM_BYTES, mint
from infra.deploy.smoke import PROBES

STRANGER = mint("tidegate", "nobody", live=True, random=bytes(RANDOM_BYTES)).token


@pytest.mark.parametrize("probe", PROBES, ids=[each.path for each in PROBES])
def test_a_product_that_is_well_answers_a_probe_as_it_says(world, probe):
    answer = world.call("GET", f"/{probe.path}", key=STRANGER if probe.keyed else None)

    assert answer.status == probe.status
