"""`make deploy`, `make destroy`, `make pepper`, and `make secrets` for a stage that CloudFormation deploys."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import boto3
from botocore.exceptions import ProfileNotFound

from infra.deploy.account import Account
from infra.deploy.blueprint import Blueprint
from infra.deploy.chalice import ChaliceCommand
from infra.deploy.checks import check_account, owner_faults
from infra.deploy.destroy import refuse_unconfirmed, steps_of
from infra.deploy.endings import taken_as_interrupts
from infra.deploy.faults import CannotDeploy
from infra.deploy.keyfile import write_key
from infra.deploy.pepper import NextPepper
from infra.deploy.project import ROOT, Project
from infra.deploy.run import AWS_FAULTS, apply, deploy, tell, told_faults
from infra.deploy.wish import Wish

USAGE: Final = "python -m infra.deploy deploy|destroy|secrets|pepper [--plan] [STAGE]"


def main(arguments: list[str]) -> int:
    """Do it, or say in one sentence why not."""
    environ = {**os.environ, **({"PLAN": "1"} if "--plan" in arguments else {})}
    command, *stage = [each for each in arguments if not each.startswith("-")] or ["deploy"]
    if command not in _COMMANDS:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        wish = Wish.read({**environ, **({"STAGE": stage[0]} if stage else {})})
        with taken_as_interrupts():
            _COMMANDS[command](_blueprint(wish), wish)
    except KeyboardInterrupt:
        print("\ninterrupted: run it again, it goes on from there", file=sys.stderr)
        return 130
    except (CannotDeploy, *AWS_FAULTS) as fault:
        print(f"{command}: {fault}{_remedy(fault)}", file=sys.stderr)
        return 1
    return 0


def _remedy(fault: Exception) -> str:
    """What to do about what AWS itself says."""
    refused = "AccessDenied" in str(fault) or "not authorized" in str(fault)
    return ": docs/operations.md lists the rights that deploying takes" if refused else ""


def secrets(blueprint: Blueprint, wish: Wish) -> None:
    """Make the pepper, a plan and a first key in a stage whose tables are there."""
    check_account(blueprint.account, wish)
    if faults := told_faults(blueprint, wish):
        raise CannotDeploy("\n".join(faults))
    steps = blueprint.secrets()
    tell([(step, step.changes()) for step in steps], _say)
    if not wish.plan:
        apply(steps, _say)


def pepper(blueprint: Blueprint, wish: Wish) -> None:
    """Add the next pepper, or make the one that was added current."""
    check_account(blueprint.account, wish)
    if blueprint.pepper.name is None or blueprint.pepper.described() is None:
        raise CannotDeploy(f"{wish.stage} has no secret with peppers that a deployment made")
    step = NextPepper(blueprint.account, blueprint.pepper.name, time.time())
    tell([(step, step.changes())], _say)
    if not wish.plan:
        step.apply(_say)


def destroy(blueprint: Blueprint, wish: Wish) -> None:
    """Take the stage away, once its name was typed."""
    check_account(blueprint.account, wish)
    if faults := list(owner_faults(blueprint.account, wish.stage, blueprint.finder.find())):
        raise CannotDeploy("\n".join(faults))
    steps = steps_of(blueprint, wish)
    planned = [(step, step.changes()) for step in steps]
    tell(planned, _say)
    if wish.plan or not any(changes for _, changes in planned):
        return
    where = f"{wish.stage} in {blueprint.account.region} of {blueprint.account.number}"
    refuse_unconfirmed(wish, wish.confirm or _ask(f"\nType the stage's name to take away {where}: "))
    apply(steps, _say)
    _say(
        f"{wish.stage} is gone." if wish.data else f"{wish.stage} is gone; its tables and the pepper are kept (DATA=1)."
    )


def _blueprint(wish: Wish) -> Blueprint:
    if wish.region:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = wish.region  # the SDKs read one or the other
    try:
        account = Account(boto3.Session(region_name=wish.region or None), time.sleep)
    except ProfileNotFound as fault:
        raise CannotDeploy(f"{fault}: set AWS_PROFILE to one of ~/.aws/config") from fault
    project = Project(ROOT, wish.stage)
    return Blueprint(account, project, ChaliceCommand(project, account.region), _shower(wish))


def _shower(wish: Wish) -> Callable[[str], None] | None:
    """How a new key is told: to a file if one is named, else to a person; never into a log."""
    if wish.key_file:
        return lambda key: write_key(wish.key_file, key)
    if not sys.stdout.isatty():
        return None
    return lambda key: _say(f"  the first key, of the scopes chat and admin; it is shown this once:\n\n    {key}\n")


def _ask(question: str) -> str:
    return input(question) if sys.stdin.isatty() else ""


def _say(line: str) -> None:
    print(line, flush=True)


_COMMANDS: Final[Mapping[str, Callable[[Blueprint, Wish], None]]] = {
    "deploy": lambda blueprint, wish: deploy(blueprint, wish, _say),
    "destroy": destroy,
    "secrets": secrets,
    "pepper": pepper,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
