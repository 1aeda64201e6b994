"""Whose answers a cap is made for."""

from chalicelib.domain.chat import Completion, Usage
from chalicelib.pipeline.sizes import MOST, Sizes
from tests.builders import a_model

MODEL = a_model(default_output_tokens=5_000, max_output_tokens=8_000)
SHORT = Completion(text="A tide.", usage=Usage(10, 20))


def taught(tenant="acme", model=MODEL, times=100):
    sizes = Sizes()
    for _ in range(times):
        sizes.learn(tenant, model, SHORT)
    return sizes


def test_a_tenant_gets_a_cap_for_its_own_answers():
    sizes = taught()

    assert sizes.cap("acme", MODEL) == 1_024
    assert sizes.cap("evil", MODEL) == 5_000


def test_a_model_has_a_cap_of_its_own():
    assert taught().cap("acme", a_model("large", default_output_tokens=5_000, max_output_tokens=8_000)) == 5_000


def test_a_model_may_opt_out():
    stays = a_model(default_output_tokens=5_000, max_output_tokens=8_000, right_size=False)

    assert taught(model=stays).cap("acme", stays) == 5_000


def test_memory_is_bounded():
    sizes = taught()
    for number in range(MOST):
        sizes.learn(str(number), MODEL, SHORT)

    assert sizes.cap("acme", MODEL) == 5_000
    assert len(sizes._known) == MOST
