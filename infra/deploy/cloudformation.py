"""What CloudFormation says of a stack, and the end of what it is doing to it."""

from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy.account import Account, code_of
from infra.deploy.faults import CannotDeploy

MADE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
GONE: Final = "DELETE_COMPLETE"
SHELL: Final = "REVIEW_IN_PROGRESS"  # of a stack whose first change set was never executed
_MOST_REASONS: Final = 3


def described(account: Account, stack: str) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it, by its name or its id."""
    try:
        found: dict[str, Any] = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as fault:
        if code_of(fault) == "ValidationError" and "does not exist" in str(fault):
            return None
        raise
    return found


def status_of(account: Account, stack: str) -> str:
    """CloudFormation's word for how the stack is; nothing where there is none."""
    return str((described(account, stack) or {}).get("StackStatus", ""))


def outputs_of(account: Account, stack: str) -> dict[str, str]:
    """What the stack says of itself."""
    return {each["OutputKey"]: each["OutputValue"] for each in (described(account, stack) or {}).get("Outputs", [])}


def remove_stack(account: Account, name: str) -> None:
    """Delete the stack and wait; what it is to retain stays."""
    stack_id = (described(account, name) or {}).get("StackId")
    if stack_id is not None:
        account.client("cloudformation").delete_stack(StackName=name)
        wait_for(account, stack_id, frozenset({GONE}))


def wait_for(account: Account, stack_id: str, ends: frozenset[str]) -> None:
    """Return when CloudFormation is done with the stack; a fault with its reasons unless it ended in one of `ends`."""
    account.until(lambda: not status_of(account, stack_id).endswith("_IN_PROGRESS"), f"the stack {stack_id}")
    status = status_of(account, stack_id) or GONE
    if status not in ends:
        reasons = "; ".join(_reasons(account, stack_id)) or "no reason given"
        raise CannotDeploy(f"CloudFormation could not do it ({status}): {reasons}")


def _reasons(account: Account, stack_id: str) -> list[str]:
    """Why the newest attempt failed, its first fault first."""
    events = account.client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
    failed = [
        f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason')}"
        for each in events
        if each["ResourceStatus"].endswith("_FAILED") and "cancelled" not in each.get("ResourceStatusReason", "")
    ]
    return failed[::-1][:_MOST_REASONS]
