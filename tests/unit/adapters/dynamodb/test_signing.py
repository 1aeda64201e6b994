"""What is signed is what botocore signs, and as it signs it."""

import string
from datetime import UTC, datetime
from types import SimpleNamespace

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.signing import Signer

NOW = 1_767_225_599  # the last second of a year
DAY = 86_400
SERVICE = "dynamodb"
printable = st.text(string.ascii_letters + string.digits + "/+=-_.", min_size=1, max_size=60)
value = st.text(string.printable.strip() + " ", min_size=1, max_size=40).filter(str.strip)
urls = st.sampled_from(
    (
        "https://dynamodb.us-east-1.amazonaws.com",
        "https://dynamodb.us-east-1.amazonaws.com/",
        "https://DynamoDB.cn-north-1.amazonaws.com.cn:443",
        "https://host:8443/a path/../b//c~",
        "http://127.0.0.1:4566",
        "http://host:80/x%2Fy/",
        "http://[::1]:8000",
    )
)


def by_botocore(url, plain, body, who, now):
    """The authorization that botocore's own signer adds at that moment, for that Region."""
    request = AWSRequest("POST", url, headers=plain, data=body)
    clock, botocore.auth.get_current_datetime = botocore.auth.get_current_datetime, lambda: now
    try:
        botocore.auth.SigV4Auth(who, SERVICE, "eu-west-1").add_auth(request)
    finally:
        botocore.auth.get_current_datetime = clock
    return request.headers


@given(
    url=urls,
    target=value,
    body=st.binary(max_size=300),
    who=st.builds(ReadOnlyCredentials, printable, printable, st.none() | printable, st.none()),
    seconds=st.integers(0, 4_000_000_000),
)
def test_a_signature_is_botocore_s(url, target, body, who, seconds):
    plain = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
    theirs = by_botocore(url, plain, body, who, datetime.fromtimestamp(seconds, UTC))

    ours = Signer(url, "eu-west-1", SERVICE).headers(plain, body, who, seconds)

    assert ours == {name.lower(): text for name, text in theirs.items()}


@pytest.mark.parametrize("later", [1, DAY])
@pytest.mark.parametrize("secret", ["one", "another"])
def test_the_kept_key_is_that_of_the_day_and_the_secret(later, secret):
    signer = Signer("https://host", "eu-west-1", SERVICE)
    signer.headers({}, b"{}", SimpleNamespace(access_key="a", secret_key="one", token=None), NOW)
    who = SimpleNamespace(access_key="b", secret_key=secret, token=None)

    ours = signer.headers({}, b"{}", who, NOW + later)

    assert (
        ours["authorization"]
        == Signer("https://host", "eu-west-1", SERVICE).headers({}, b"{}", who, NOW + later)["authorization"]
    )
