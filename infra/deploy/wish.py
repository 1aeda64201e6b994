"""What `make deploy` and `make destroy` are asked for."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Self

from msgspec import Struct

from infra.deploy.faults import CannotDeploy
from infra.stages import STAGES
from infra.switches import shortened, switch_faults, switched

_SWITCHES: Final = ("PLAN", "REPLACE", "DATA")
_BUDGET: Final = re.compile(r"[0-9]{1,9}")
_ACCOUNT_DIGITS: Final = 12
_ADDRESS: Final = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_URL: Final = re.compile(r"https?://([^{}\s]|\{api\}|\{stage\})+")
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
        if faults := [*_faults(environ)]:
            raise CannotDeploy("\n".join(faults))
        return cls(
            stage=environ["STAGE"],
            region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "",
            account=environ.get("ACCOUNT", ""),
            plan=switched(environ, "PLAN"),
            replace=switched(environ, "REPLACE"),
            confirm=environ.get("CONFIRM", ""),
            data=switched(environ, "DATA"),
            **{name: environ.get(name.upper(), "") for name in _TEXTS},
        )


def _faults(environ: Mapping[str, str]) -> Iterator[str]:
    stage, account = environ.get("STAGE", ""), environ.get("ACCOUNT", "")
    budget, mail, url = (environ.get(name, "") for name in ("BUDGET_USD", "MAIL", "API_URL"))
    if stage not in STAGES:
        yield f"there is no stage {stage!r}: say STAGE={'|'.join(STAGES)}"
    if account and not (account.isdecimal() and len(account) == _ACCOUNT_DIGITS):
        yield f"ACCOUNT is {_ACCOUNT_DIGITS} digits, not {account!r}"
    yield from switch_faults(environ, _SWITCHES)
    if budget and not _BUDGET.fullmatch(budget):
        yield f"BUDGET_USD is whole dollars a month, at most 999,999,999, not {shortened(budget)!r}"
    if mail and not _ADDRESS.fullmatch(mail):
        yield f"MAIL is one address, as ops@example.com, not {mail!r}"
    if url and not _URL.fullmatch(url):
        yield f"API_URL is an address with {{api}} and {{stage}} in it, not {url!r}"
