"""The account and Region that a deployment goes to: the one door to AWS."""

from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.deploy.faults import CannotDeploy

ABSENT: Final = frozenset(
    {
        "404",
        "NoSuchEntity",
        "NotFoundException",
        "ResourceNotFoundException",
        "ProvisionedConcurrencyConfigNotFoundException",
    }
)
_PATIENT: Final = Config(retries={"mode": "standard", "total_max_attempts": 10})  # its APIs take a few calls a second
_BRIEF: Final = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 3.0


class Account:
    """Clients of one account and Region; `pause` waits so many seconds."""

    def __init__(self, session: boto3.Session, pause: Callable[[float], None]) -> None:
        self._session = session
        self.pause = pause
        self._clients: dict[str, Any] = {}
        self._identity: dict[str, str] = {}

    def client(self, service: str) -> Any:
        """The service's client, made once."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=_PATIENT)  # type: ignore[call-overload]
        return self._clients[service]

    @property
    def region(self) -> str:
        return self._session.region_name or ""

    @property
    def number(self) -> str:
        return self._who["Account"]

    @property
    def partition(self) -> str:
        return self._who["Arn"].split(":")[1]

    @property
    def domain(self) -> str:
        """Where the Region's endpoints are."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    @property
    def elsewhere(self) -> list[str]:
        """Every other Region that the account may have something in."""
        regions = self._session.get_available_regions("lambda", partition_name=self.partition)
        return sorted(set(regions) - {self.region})

    def in_region(self, region: str) -> Any:
        """The functions of another Region, which is not waited for."""
        return self._session.client("lambda", region_name=region, config=_BRIEF)

    def command(self, arguments: str) -> str:
        """What a person types who is to do it there, whatever Region is theirs."""
        return f"`aws {arguments} --region {self.region}`"

    @property
    def _who(self) -> dict[str, str]:
        if not self._identity:
            self._identity = self._ask_who()
        return self._identity

    def _ask_who(self) -> dict[str, str]:
        try:
            found: dict[str, str] = self._session.client("sts", config=_BRIEF).get_caller_identity()
        except NoCredentialsError:
            raise CannotDeploy("there are no AWS credentials: set AWS_PROFILE, or run `aws configure`") from None
        except ClientError as fault:
            code = code_of(fault)
            raise CannotDeploy(f"AWS refuses the credentials ({code}): renew them, or name others") from fault
        except BotoCoreError as fault:
            raise CannotDeploy(f"AWS does not say who you are ({fault}): check network, Region and profile") from fault
        return found

    def function_arn(self, name: str) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.number}:function:{name}"

    def until(self, done: Callable[[], bool], what: str, *, most_seconds: float = 900) -> None:
        """Return once `done()`; it is asked soon, and then ever more rarely."""
        waited, pause = 0.0, _FIRST_PAUSE_S
        while not done():
            if waited > most_seconds:
                raise CannotDeploy(f"{what} takes longer than {most_seconds:.0f} s: look at it, then run this again")
            self.pause(pause)
            waited, pause = waited + pause, min(pause * 1.5, _LONGEST_PAUSE_S)


def code_of(fault: ClientError) -> str:
    """What AWS calls an error."""
    return str(fault.response.get("Error", {}).get("Code", ""))


def found(ask: Callable[[], Any]) -> Any | None:
    """What `ask` finds, or None where it is not there."""
    try:
        return ask()
    except ClientError as fault:
        if code_of(fault) in ABSENT:
            return None
        raise
