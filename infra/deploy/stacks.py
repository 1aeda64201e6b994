"""A CloudFormation stack, made and changed by change sets: what one would do is known before it is done."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from infra.deploy.account import Account
from infra.deploy.cloudformation import MADE, SHELL, described, status_of, wait_for
from infra.deploy.faults import CannotDeploy
from infra.deploy.steps import Change, Say

_NOTHING: Final = ("didn't contain changes", "No updates are to be performed")
_CHANGE_SET: Final = "tidegate-deploy"


class Wanted(Struct, frozen=True, kw_only=True):
    """A stack as it should be."""

    name: str
    stage: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]


class Review(Struct, frozen=True):
    """What a change set would do; empty where there is nothing to do."""

    stack_id: str
    resources: Sequence[Mapping[str, Any]]

    @property
    def lost(self) -> list[str]:
        """What would be taken away, or made anew without what is in it."""
        return [
            str(each["LogicalResourceId"])
            for each in self.resources
            if each["Action"] == "Remove" or each.get("Replacement") in {"True", "Conditional"}
        ]

    @property
    def imports(self) -> bool:
        """Whether something is taken in that was there before."""
        return any(each["Action"] == "Import" for each in self.resources)


class Stack:
    """A step. Unless it may `replace`, what would lose something stops it; `wanted` is None until it can be known."""

    def __init__(
        self, account: Account, name: str, what: str, wanted: Callable[[], Wanted | None], *, replace: bool
    ) -> None:
        self.title = what
        self._account = account
        self._find_wanted = wanted
        self._replace = replace
        self._name = {"StackName": name}

    def changes(self) -> Sequence[Change]:
        name = self._name["StackName"]
        if status_of(self._account, name) in {"", SHELL}:
            return [Change(f"stack {name}", "absent", "made")]
        wanted = self._find_wanted()
        if wanted is None:
            return [Change(f"stack {name}", "there", "looked at once the functions are")]
        if self._is_current(wanted):
            return []
        review = self._review(wanted)
        self._forget()
        return [_change_of(each) for each in review.resources]

    def apply(self, say: Say) -> None:
        wanted = self._find_wanted()
        if wanted is None:
            raise CannotDeploy(f"{self.title}: what is watched is not all there; run this again")
        review = self._review(wanted)
        if review.lost and not self._replace:
            self._forget()
            raise CannotDeploy(
                f"{', '.join(review.lost)} of the stack {wanted.name} would be replaced or removed, with what is "
                "in it: save that first, then run this again with REPLACE=1"
            )
        if not review.resources:
            self._forget()
            return
        say(f"CloudFormation changes {len(review.resources)} resources of {wanted.name}")
        self._client.execute_change_set(
            **self._name, ChangeSetName=_CHANGE_SET, RetainExceptOnCreate=not review.imports
        )
        wait_for(self._account, review.stack_id, MADE)

    @property
    def _client(self) -> Any:
        return self._account.client("cloudformation")

    def _is_current(self, wanted: Wanted) -> bool:
        """Whether the stack was last made from this very wish; what CloudFormation rolled back was not."""
        seen = described(self._account, wanted.name) or {}
        given = {each["ParameterKey"]: each["ParameterValue"] for each in seen.get("Parameters", [])}
        if "ROLLBACK" in seen["StackStatus"] or not wanted.parameters.items() <= given.items():
            return False
        made_from = self._client.get_template(**self._name)["TemplateBody"]
        return bool((json.loads(made_from) if isinstance(made_from, str) else made_from) == wanted.template)

    def _review(self, wanted: Wanted) -> Review:
        """Make the change set anew, and read it."""
        self._forget()
        fresh = status_of(self._account, wanted.name) in {"", SHELL}
        made = self._client.create_change_set(
            **self._name,
            ChangeSetName=_CHANGE_SET,
            ChangeSetType="CREATE" if fresh else "UPDATE",
            TemplateBody=json.dumps(wanted.template, separators=(",", ":")),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in wanted.parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": "tidegate:stage", "Value": wanted.stage}],
            ImportExistingResources=True,
            **({"OnStackFailure": "DELETE"} if fresh else {}),
        )
        self._account.until(lambda: not self._read()["Status"].endswith(("_PENDING", "_PROGRESS")), "a change set")
        read = self._read()
        if read["Status"] == "FAILED" and not _is_nothing(read.get("StatusReason", "")):
            self._forget()
            if fresh:  # else an empty stack of that name would stay
                self._client.delete_stack(**self._name)
            raise CannotDeploy(f"CloudFormation refuses {wanted.name}: {read['StatusReason']}")
        return Review(made["StackId"], [each["ResourceChange"] for each in read["Changes"]])

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = self._client.describe_change_set(**self._name, ChangeSetName=_CHANGE_SET)
        following = read.get("NextToken")
        while following:
            page = self._client.describe_change_set(**self._name, ChangeSetName=_CHANGE_SET, NextToken=following)
            read["Changes"] += page["Changes"]
            following = page.get("NextToken")
        return read

    def _forget(self) -> None:
        """Remove the change set: one that was not executed holds up the next of its name."""
        if described(self._account, self._name["StackName"]) is not None:
            self._client.delete_change_set(**self._name, ChangeSetName=_CHANGE_SET)


def _is_nothing(reason: str) -> bool:
    return any(each in reason for each in _NOTHING)


def _change_of(resource: Mapping[str, Any]) -> Change:
    what = f"{resource['LogicalResourceId']} ({resource['ResourceType']})"
    match resource["Action"]:
        case "Add":
            return Change(what, "absent", "made")
        case "Remove":
            return Change(what, "there", "REMOVED")
        case "Import":
            return Change(what, "there, in no stack", "taken into the stack")
        case _:
            touched = sorted({each["Target"].get("Name", "Tags") for each in resource.get("Details", [])})
            replaced = "REPLACED, " if resource.get("Replacement") in {"True", "Conditional"} else ""
            return Change(what, "there", f"{replaced}changed: {', '.join(touched) or 'something'}")
