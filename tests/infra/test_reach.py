"""What the commands say that an operator runs by hand where AWS cannot be asked."""

import os
from unittest.mock import patch

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from chalicelib.domain.errors import StoreUnavailable
from infra import key, redrive
from infra.reach import reason

NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "TIDEGATE_STAGE": "solo",
    "TENANT": "acme",
    "USER": "ada",
}
NO_REGION = "no Region is set: set AWS_REGION, or one for your profile with `aws configure`\n"
NO_CREDENTIALS = "there are no AWS credentials: set AWS_PROFILE, or run `aws configure`\n"


def refused(code):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")


def beneath(fault):
    """A fault as an adapter raises it."""
    ours = StoreUnavailable("The store did not answer")
    ours.__cause__ = fault
    return ours


@pytest.mark.parametrize("wrap", [lambda fault: fault, beneath], ids=["plain", "beneath"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (NoRegionError(), "no Region is set: set AWS_REGION"),
        (NoCredentialsError(), "there are no AWS credentials: set AWS_PROFILE"),
        (PartialCredentialsError(provider="env", cred_var="x"), "there are no AWS credentials: set AWS_PROFILE"),
        (ProfileNotFound(profile="x"), "The config profile (x) could not be found: set AWS_PROFILE to one of"),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS does not answer (Could not connect"),
        (refused("ExpiredToken"), "AWS refuses the credentials (ExpiredToken): renew them"),
        (refused("QueueDoesNotExist"), "nothing of a stage 'team' is in eu-west-1 of this account: check STAGE"),
        (refused("ResourceNotFoundException"), "nothing of a stage 'team' is in eu-west-1"),
    ],
)
def test_a_fault_is_told_with_what_to_do(fault, wrap, said):
    told = reason(wrap(fault), {"TIDEGATE_STAGE": "team", "AWS_REGION": "eu-west-1"})

    assert told.startswith(said)
    assert "\n" not in told


def test_what_aws_says_else_is_told_beside_our_own_word():
    assert reason(refused("AccessDenied"), {}) == str(refused("AccessDenied"))
    assert reason(beneath(refused("AccessDenied")), {}).startswith("The store did not answer (An error occurred (Acce")
    assert reason(StoreUnavailable("full"), {}) == "full"


@pytest.mark.parametrize(
    ("command", "first"), [(key, "no key was made: "), (redrive, "not redriven: ")], ids=["key", "redrive"]
)
@pytest.mark.parametrize(("region", "said"), [("", NO_REGION), ("eu-west-1", NO_CREDENTIALS)])
def test_a_command_without_region_or_credentials_ends_with_a_sentence(
    command, first, region, said, monkeypatch, capsys
):
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)

    with patch.dict(os.environ, {**NOWHERE, **({"AWS_REGION": region} if region else {})}, clear=True):
        assert command.main() == 1

    assert capsys.readouterr().err == first + said
