"""Why AWS cannot be asked, and what to do about it: for the commands that an operator runs by hand."""

from collections.abc import Iterator, Mapping
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

_STALE: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_ABSENT: Final = frozenset(
    {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException"}
)


def reason(fault: Exception, environ: Mapping[str, str]) -> str:
    """The fault in one sentence: AWS's own where one is beneath it, with its remedy."""
    beneath = next((each for each in _chain(fault) if isinstance(each, BotoCoreError | ClientError)), None)
    match beneath:
        case NoRegionError():
            return "no Region is set: set AWS_REGION, or one for your profile with `aws configure`"
        case NoCredentialsError() | PartialCredentialsError():
            return "there are no AWS credentials: set AWS_PROFILE, or run `aws configure`"
        case ProfileNotFound():
            return f"{beneath}: set AWS_PROFILE to one of ~/.aws/config"
        case ClientError():
            return _refusal(beneath, fault, environ)
        case BotoCoreError():
            return f"AWS does not answer ({beneath}): check network, Region and profile"
    return str(fault)


def _refusal(beneath: ClientError, fault: Exception, environ: Mapping[str, str]) -> str:
    code = str(beneath.response.get("Error", {}).get("Code", ""))
    stage = environ.get("TIDEGATE_STAGE") or environ.get("STAGE", "")
    if code in _STALE:
        return f"AWS refuses the credentials ({code}): renew them, or name others"
    if code in _ABSENT:
        where = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "your profile's Region"
        return f"nothing of a stage '{stage}' is in {where} of this account: check STAGE, AWS_REGION and AWS_PROFILE"
    return str(fault) if fault is beneath else f"{fault} ({beneath})"


def _chain(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__
