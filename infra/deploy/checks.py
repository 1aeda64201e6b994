"""What is looked at before anything is touched: every fault at once, each with what to do about it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.deploy.account import Account, found
from infra.deploy.cloudformation import described, status_of
from infra.deploy.faults import CannotDeploy
from infra.deploy.inventory import CHALICES, Inventory
from infra.deploy.secrets import Pepper
from infra.deploy.wish import Wish
from infra.stages import APP, Stage

MOST_ZIP_BYTES: Final = 50 * 1024 * 1024  # what Lambda takes in one call, as Chalice sends it
UNRESERVED: Final = 100  # Lambda leaves so many to functions that reserve nothing
_CONCURRENCY_QUOTA: Final = "L-B99A9384"
_OWNER: Final = "aws:cloudformation:stack-name"


def check_account(account: Account, wish: Wish) -> None:
    """That it is known where to deploy to, and that it is where it was meant."""
    if not account.region:
        raise CannotDeploy("no Region is set: set AWS_REGION, or one for your profile with `aws configure`")
    number = account.number  # asked in any case: it is the first call that takes credentials
    if wish.account not in {"", number}:
        raise CannotDeploy(
            f"the credentials are of the account {number}, not of {wish.account}: "
            "set AWS_PROFILE to one of that account"
        )


def stack_faults(account: Account, stacks: list[str]) -> Iterator[str]:
    """Stacks that cannot be changed now."""
    for name in stacks:
        match status_of(account, name):
            case "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" as status:
                yield (
                    f"the stack {name} is in {status}, which can only be deleted: "
                    f"{account.command(f'cloudformation delete-stack --stack-name {name}')}, then run this again"
                )
            case "UPDATE_ROLLBACK_FAILED" as status:
                freed = account.command(f"cloudformation continue-update-rollback --stack-name {name}")
                yield f"the stack {name} is in {status}: see its events for what is stuck, run {freed}, then this again"
            case "DELETE_FAILED" as status:
                yield f"the stack {name} is in {status}: see its events for what is stuck, and delete it again"
            case status if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
                yield f"the stack {name} is being changed ({status}): wait until that is over, then run this again"


def owner_faults(account: Account, stage: str, inventory: Inventory) -> Iterator[str]:
    """Names that are taken: by others, or by the other way of deploying, whose functions are called the same."""
    client: Any = account.client("lambda")
    for arn in inventory.functions.values():
        tags = client.list_tags(Resource=arn)["Tags"]
        if _OWNER in tags:
            yield (
                f"the function {arn.rpartition(':')[2]} is of the stack {tags[_OWNER]}: deploy this stage by "
                "CloudFormation as before, or delete that stack first"
            )
            return
        if tags.get("tidegate:stage", stage if CHALICES in tags else "") != stage:
            yield f"the function {arn.rpartition(':')[2]} is not Tidegate's: rename or remove it, or use another Region"
    yield from _role_faults(account, inventory)
    if described(account, f"{APP}-{stage}") is not None:
        yield (
            f"the stack {APP}-{stage} deploys this stage by CloudFormation: go on with that way, "
            "or delete that stack first"
        )


def _role_faults(account: Account, inventory: Inventory) -> Iterator[str]:
    """Roles that not Lambda alone may take, as it may those that Chalice makes, which have no tag to tell them by."""
    client: Any = account.client("iam")
    for arn in inventory.roles.values():
        name = arn.rpartition("/")[2]
        trust = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        if any(each["Principal"] != {"Service": "lambda.amazonaws.com"} for each in trust["Statement"]):
            yield f"the role {name} is not Tidegate's, for not Lambda alone may take it: rename or remove it"


def pepper_faults(account: Account, pepper: Pepper) -> Iterator[str]:
    """A secret that is about to vanish takes every key with it."""
    seen = pepper.described()
    if seen is not None and "DeletedDate" in seen:
        restored = account.command(f"secretsmanager restore-secret --secret-id {seen['Name']}")
        yield (
            f"the secret {seen['Name']} is marked for deletion, and every key with it: {restored}, or wait until it is "
            "gone"
        )


def quota_faults(account: Account, stage: Stage) -> Iterator[str]:
    """Executions at once that the stage sets aside, against those that the account has."""
    client: Any = account.client("lambda")
    wanted = {name: (size.reserved or 0) + size.provisioned for name, size in stage.functions.items()}
    asked = sum(wanted.values())
    limit = client.get_account_settings()["AccountLimit"]
    held = limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"]
    ours = sum(_held(client, f"{APP}-{stage.name}-{name}") for name, many in wanted.items() if many)
    needed = held - ours + asked + UNRESERVED
    if asked and limit["ConcurrentExecutions"] < needed:
        raised = (
            "service-quotas request-service-quota-increase --service-code lambda "
            f"--quota-code {_CONCURRENCY_QUOTA} --desired-value {needed}"
        )
        yield (
            f"Lambda runs at most {limit['ConcurrentExecutions']} executions at once in {account.region} and the stage "
            f"{stage.name} sets {asked} aside, which takes {needed} in all: {account.command(raised)}, or lower "
            "them in infra/stages.py"
        )


def _held(client: Any, name: str) -> int:
    seen = found(lambda: client.get_function_concurrency(FunctionName=name)) or {}
    return int(seen.get("ReservedConcurrentExecutions", 0))


def zip_faults(archive: Path) -> Iterator[str]:
    """A zip that Lambda would refuse after a minute's upload."""
    size = archive.stat().st_size
    if size > MOST_ZIP_BYTES:
        yield (
            f"the zip is {size / 2**20:.1f} MB and Lambda takes {MOST_ZIP_BYTES / 2**20:.0f} MB in one call: take out "
            f"of requirements.txt what is not needed, or deploy by CloudFormation, which takes it from S3 ({archive})"
        )
