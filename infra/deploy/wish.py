"""What `make deploy` and `make destroy` are asked for."""

from collections.abc import Mapping
from typing import Final, Self

from msgspec import Struct

from infra.deploy.faults import CannotDeploy
from infra.stages import STAGES

_YES: Final = frozenset({"1", "true", "yes"})
_ACCOUNT_DIGITS: Final = 12
_TEXTS: Final = (
    "api_url",
    "key_file",
    "mail",
    "budget_usd",
    "home_region",
    "replica_region",
    "witness_region",
    "replica_key",
)


class Wish(Struct, frozen=True, kw_only=True):
    """The variables, checked; `plan` changes nothing, `replace` may lose what is kept, `data` deletes it."""

    stage: str
    region: str = ""
    account: str = ""
    plan: bool = False
    replace: bool = False
    confirm: str = ""
    data: bool = False
    api_url: str = ""
    key_file: str = ""
    mail: str = ""
    budget_usd: str = ""
    home_region: str = ""
    replica_region: str = ""
    witness_region: str = ""
    replica_key: str = ""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        stage, account = environ.get("STAGE", ""), environ.get("ACCOUNT", "")
        if stage not in STAGES:
            raise CannotDeploy(f"there is no stage {stage!r}: say STAGE={'|'.join(STAGES)}")
        if account and not (account.isdecimal() and len(account) == _ACCOUNT_DIGITS):
            raise CannotDeploy(f"ACCOUNT is {_ACCOUNT_DIGITS} digits, not {account!r}")
        if environ.get("BUDGET_USD") and not environ["BUDGET_USD"].isdecimal():
            raise CannotDeploy(f"BUDGET_USD is whole dollars a month, not {environ['BUDGET_USD']!r}")
        return cls(
            stage=stage,
            region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "",
            account=account,
            plan=environ.get("PLAN", "") in _YES,
            replace=environ.get("REPLACE", "") in _YES,
            confirm=environ.get("CONFIRM", ""),
            data=environ.get("DATA", "") in _YES,
            **{name: environ.get(name.upper(), "") for name in _TEXTS},
        )
