"""The story of a deployment: look, say, stop or change, try, and say what came of it."""

import json
import secrets
from collections.abc import Sequence
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import TidegateError
from chalicelib.domain.identity import RANDOM_BYTES
from infra.deploy import checks
from infra.deploy.blueprint import Blueprint
from infra.deploy.configured import settings_faults
from infra.deploy.faults import CannotDeploy
from infra.deploy.keyfile import key_file_faults
from infra.deploy.lasting import lasting_faults
from infra.deploy.regions import regions_faults
from infra.deploy.smoke import smoke
from infra.deploy.steps import Change, Say, Step
from infra.deploy.wanted import data_name, data_stack, watch_name
from infra.deploy.wish import Wish
from infra.stages import function_name

AWS_FAULTS = (ClientError, BotoCoreError, TidegateError)
Planned = Sequence[tuple[Step, Sequence[Change]]]


def deploy(blueprint: Blueprint, wish: Wish, say: Say) -> None:
    """Bring the stage to what this checkout says; whatever cut it before, it goes on from there."""
    check(blueprint, wish, say)
    say(f"{wish.stage} in {blueprint.account.region} of {blueprint.account.number}")
    steps = blueprint.steps(wish)
    planned = [(step, step.changes()) for step in steps]
    tell(planned, say)
    if wish.plan:
        return
    if any(changes for _, changes in planned):
        apply(steps, say)
    else:
        say("nothing to change")
    close(blueprint, wish, say)


def check(blueprint: Blueprint, wish: Wish, say: Say) -> None:
    """Every fault that can be known before anything is touched, together."""
    account = blueprint.account
    checks.check_account(account, wish)
    inventory = blueprint.finder.find()
    faults = [
        *told_faults(blueprint, wish),
        *checks.stack_faults(account, [data_name(blueprint.stage), watch_name(blueprint.stage)]),
        *checks.owner_faults(account, wish.stage, inventory),
        *lasting_faults(account, blueprint.stage, data_stack(account, blueprint.stage, wish)),
        *checks.pepper_faults(account, blueprint.pepper),
        *regions_faults(account, blueprint.stage, wish, blueprint.pepper),
        *checks.quota_faults(account, blueprint.stage),
    ]
    if not faults and not blueprint.functions.is_current(inventory):
        say("packaging, to see that Lambda will take it: up to a minute")
        faults = [*checks.zip_faults(blueprint.chalice.package())]
    if faults:
        raise CannotDeploy("\n".join(faults))


def told_faults(blueprint: Blueprint, wish: Wish) -> list[str]:
    """What is wrong with what an operator said: in the configuration, and in the variables."""
    found = [*settings_faults(blueprint.project)]
    if wish.key_file:
        found += key_file_faults(wish.key_file, wanted=not found and blueprint.first_key.is_wanted())
    return found


def tell(planned: Planned, say: Say) -> None:
    """Say what is, and what will be."""
    for step, changes in planned:
        say(f"{step.title}: {f'{len(changes)} to change' if changes else 'as wanted'}")
        for each in changes:
            say(f"  {each}")


def apply(steps: Sequence[Step], say: Say) -> None:
    """Make each step so, in order; a fault says what was done and what was not."""
    done: list[str] = []
    for step in steps:
        try:
            if step.changes():
                say(f"== {step.title}")
                step.apply(lambda said: say(f"  {said}"))
        except (CannotDeploy, KeyboardInterrupt, *AWS_FAULTS) as fault:
            left = [each.title for each in steps if each.title not in done]
            raise CannotDeploy(
                f"{str(fault) or 'interrupted'}\ndone: {', '.join(done) or 'nothing'}; cut in: {left[0]}; "
                f"not begun: {', '.join(left[1:]) or 'nothing'}. Run it again: it goes on from there"
            ) from fault
        done.append(step.title)


def close(blueprint: Blueprint, wish: Wish, say: Say) -> None:
    """Call what is there, and say where it is."""
    found = blueprint.finder.find()
    rest, sockets = found.value("rest_api", "rest_api_url"), found.value("websocket_api", "websocket_api_url")
    if wish.api_url:
        rest = wish.api_url.format(api=found.rest_api, stage="api").rstrip("/") + "/"
    summary = {
        "stage": wish.stage,
        "account": blueprint.account.number,
        "region": blueprint.account.region,
        "rest_api": found.rest_api,
        "rest_url": rest,
        "websocket_api": found.websocket_api,
        "websocket_url": sockets,
        "functions": found.functions,
    }
    blueprint.project.out.mkdir(parents=True, exist_ok=True)
    (blueprint.project.out / "deployed.json").write_text(json.dumps(summary, indent=2) + "\n")
    health = smoke(rest, partial(_tail, blueprint), secrets.token_bytes(RANDOM_BYTES), blueprint.account.pause)
    say(f"\n{wish.stage} is deployed in {blueprint.account.region}, and says that it is {health}.")
    say(f"  API        {rest}v1")
    say(f"  chat page  {rest}")
    say(f"  WebSocket  {sockets}")
    say(f"  a key      make key STAGE={wish.stage} TENANT=acme USER=ada")
    say("  next       docs/operations.md: plans, alarms, taking it away")


def _tail(blueprint: Blueprint, function: str) -> str:
    """How the log of a function is looked into."""
    return blueprint.account.command(f"logs tail /aws/lambda/{function_name(blueprint.stage.name, function)}")
