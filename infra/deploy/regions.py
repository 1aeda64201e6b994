"""Where else a stage is to be: what cannot be, or would leave something behind, is said before anything is made."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from infra.deploy.account import Account, found
from infra.deploy.cloudformation import SHELL, described
from infra.deploy.secrets import Pepper
from infra.deploy.wanted import data_name, known_regions
from infra.deploy.wish import Wish
from infra.parameters import Regions
from infra.stages import APP, Stage

GUIDE: Final = "docs/regions.md"
# Within one of these DynamoDB keeps a table that three Regions agree on, as the record of homes is.
GROUPS: Final = (
    ("us-east-1", "us-east-2", "us-west-2"),
    ("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    ("ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
)
_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")


def regions_faults(account: Account, stage: Stage, wish: Wish, pepper: Pepper) -> Iterator[str]:
    """Nothing, where no Region is named."""
    named = [name for name, value in _named(wish).items() if value]
    if not named:
        return
    if not stage.regions:
        yield f"a stage {stage.name} has one Region: leave out {' and '.join(named)}"
        return
    stack = described(account, data_name(stage))
    given = {each["ParameterKey"]: each["ParameterValue"] for each in (stack or {}).get("Parameters", [])}
    wanted = known_regions(account.region, given, wish)
    faults = [*_place_faults(wanted), *_key_faults(wanted, own=stage.own_key)]
    if stack is not None and stack["StackStatus"] != SHELL:
        faults += _move_faults(known_regions(account.region, given, Wish(stage=stage.name)), wanted, stage, wish)
    elif wanted.home and not faults:
        faults += _order_faults(account, stage, wanted, pepper)
    yield from faults


def _named(wish: Wish) -> dict[str, str]:
    return {
        "HOME_REGION": wish.home_region,
        "REPLICA_REGION": wish.replica_region,
        "WITNESS_REGION": wish.witness_region,
        "REPLICA_KEY": wish.replica_key,
    }


def _place_faults(wanted: Regions) -> Iterator[str]:
    """Two Regions and a witness, each another one, that can keep a record together."""
    group = next((each for each in GROUPS if wanted.here in each), ())
    if not wanted.other:
        yield f"the other Region is not said: REPLICA_REGION=… ({GUIDE})"
    elif wanted.home not in {"", wanted.other}:
        yield (
            f"HOME_REGION={wanted.home} and REPLICA_REGION={wanted.other} differ: of two Regions the other one is the "
            "home, or HOME_REGION is left out where the home is"
        )
    elif not wanted.home and not wanted.witness:
        yield f"no Region is the witness: WITNESS_REGION=…, a third one ({GUIDE})"
    elif not group:
        yield f"a stage of several Regions cannot be in {wanted.here}: DynamoDB has the record of homes in {_listed()}"
    else:
        yield from _group_faults(wanted, group)


def _group_faults(wanted: Regions, group: Sequence[str]) -> Iterator[str]:
    seen = {wanted.here: "the Region deployed to"}
    for name, region in (("REPLICA_REGION", wanted.other), ("WITNESS_REGION", wanted.witness)):
        if region and region not in group:
            yield f"{name}={region} is none of those that go with {wanted.here}: {', '.join(group)}"
        elif region in seen:
            yield f"{name}={region} is {seen[region]} too: name another of {', '.join(group)}"
        seen[region] = name


def _listed() -> str:
    return "; ".join(", ".join(each) for each in GROUPS)


def _key_faults(wanted: Regions, *, own: bool) -> Iterator[str]:
    """The key that copies there are encrypted with is of that Region; the home learns it last."""
    if not wanted.other:
        return
    if not wanted.other_key:
        if own and wanted.home:
            yield f"REPLICA_KEY is not said: it is the output KeyArn of the data stack in {wanted.home} ({GUIDE})"
        return
    form = _KEY.fullmatch(wanted.other_key)
    if form is None or form["region"] != wanted.other:
        yield (
            f"REPLICA_KEY={wanted.other_key} is no key of KMS in {wanted.other}: it is the output KeyArn of the data "
            "stack there, as arn:…:kms:…"
        )


def _move_faults(now: Regions, wanted: Regions, stage: Stage, wish: Wish) -> Iterator[str]:
    """What a stage that is there would lose."""
    if now.other:
        before, after = (now.home, now.other, now.witness), (wanted.home, wanted.other, wanted.witness)
        if before != after:
            yield (
                f"the stage {stage.name} is in {now.here} and {now.other} and its record of homes stays there: leave "
                "HOME_REGION, REPLICA_REGION and WITNESS_REGION as they were"
            )
    elif wanted.home:
        yield (
            f"the stage {stage.name} is in {now.here} already, with keys and conversations of its own: a second Region "
            f"has to be empty, so take it away first, `make destroy STAGE={stage.name} DATA=1`"
        )
    elif not wish.replace:
        yield (
            f"the stage {stage.name} has one Region, and with a second its counters and jobs begin anew in other "
            f"tables: {GUIDE} says what that means and how it is done, with REPLACE=1"
        )


def _order_faults(account: Account, stage: Stage, wanted: Regions, pepper: Pepper) -> Iterator[str]:
    """What a second Region is given by the first."""
    client: Any = account.client("dynamodb")
    table = f"{APP}-{stage.name}-access"
    if found(lambda: client.describe_table(TableName=table)) is None:
        yield (f"{table} has no copy here: deploy to {wanted.home} first, with REPLICA_REGION={wanted.here} ({GUIDE})")
    if pepper.name is not None and pepper.described() is None:
        yield (
            f"the secret {pepper.name} is not here, and with another one no key would be good: `aws secretsmanager "
            f"replicate-secret-to-regions --secret-id {pepper.name} --add-replica-regions Region={wanted.here} "
            f"--region {wanted.home}`"
        )
