"""What is kept for the twins of a request."""

import pytest

from chalicelib.domain.receipts import is_final


@pytest.mark.parametrize("status", [200, 202, 400, 402, 404, 422, 499])
def test_what_the_same_request_would_be_told_again_is_kept(status):
    assert is_final(status)


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_what_may_pass_is_not_kept(status):
    assert not is_final(status)
