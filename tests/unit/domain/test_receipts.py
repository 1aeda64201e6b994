"""What is kept for the twins of a request."""

import pytest

from chalicelib.domain.receipts import fingerprint, is_final, receipt_id


@pytest.mark.parametrize("status", [200, 202, 400, 402, 404, 422, 499])
def test_what_the_same_request_would_be_told_again_is_kept(status):
    assert is_final(status)


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_what_may_pass_is_not_kept(status):
    assert not is_final(status)


@pytest.mark.parametrize(
    ("one", "other"),
    [((b"ab", b"c"), (b"a", b"bc")), ((b"a",), (b"a", b"")), ((b"a", b"b"), (b"b", b"a")), ((), (b"",))],
)
def test_no_two_requests_run_into_the_same_bytes(one, other):
    assert fingerprint(*one) != fingerprint(*other)


def test_a_receipt_is_one_callers_and_one_keys():
    assert len({receipt_id("ada", "k"), receipt_id("bob", "k"), receipt_id("ada", "l"), receipt_id("adak", "")}) == 4
    assert receipt_id("ada", "k") == fingerprint(b"ada", b"k")
