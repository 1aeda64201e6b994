"""What is refused before anything is touched: one sentence that says what, and what to do."""

import re
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from infra.deploy import checks
from infra.deploy.account import Account
from infra.deploy.faults import CannotDeploy
from infra.deploy.inventory import Inventory
from infra.deploy.wish import Wish
from infra.stages import STAGES

DEPLOY = Path(checks.__file__).parent
WISH = Wish(stage="solo")
DATA = "tidegate-solo-data"


class Amazon:
    """An account in which each call is answered by what a test says, by the call's name."""

    def __init__(self, region="eu-west-1", **answers):
        self.region_name = region
        self._answers = answers

    def client(self, _service, **_):
        return SimpleNamespace(**{name: self._answer(said) for name, said in self._answers.items()})

    @staticmethod
    def _answer(said):
        def answer(**asked):
            found = said(asked) if callable(said) else said
            if isinstance(found, Exception):
                raise found
            return found

        return answer


def account(**answers):
    who = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/ada"}
    return Account(Amazon(**{"get_caller_identity": who, **answers}), lambda _: None)


def error(code, message=""):
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


def stack(status):
    return {"Stacks": [{"StackStatus": status, "StackId": "arn:stack"}]}


GONE = error("ValidationError", "Stack with id x does not exist")


BUDGET = "BUDGET_USD is whole dollars a month, at most 999,999,999"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "there is no stage '': say STAGE=solo|team|scale"),
        ({"STAGE": "prod"}, "there is no stage 'prod': say STAGE=solo|team|scale"),
        ({"STAGE": "solo", "ACCOUNT": "12"}, "ACCOUNT is 12 digits, not '12'"),
        ({"STAGE": "solo", "PLAN": "maybe"}, "PLAN is 1 or 0, not 'maybe'"),
        ({"STAGE": "solo", "BUDGET_USD": "9" * 400}, f"{BUDGET}, not '{'9' * 40}…'"),
    ],
)
def test_a_wish_that_cannot_be_meant(environ, said):
    with pytest.raises(CannotDeploy) as caught:
        Wish.read(environ)

    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (account(region=None), "no Region is set: set AWS_REGION"),
        (account(get_caller_identity=NoCredentialsError()), "there are no AWS credentials: set AWS_PROFILE"),
        (account(get_caller_identity=error("ExpiredToken")), "AWS refuses the credentials (ExpiredToken): renew"),
    ],
)
def test_an_account_that_cannot_be_reached(there, said):
    with pytest.raises(CannotDeploy) as caught:
        checks.check_account(there, WISH)

    assert str(caught.value).startswith(said)


def test_another_account_than_was_meant():
    with pytest.raises(CannotDeploy, match="of the account 111122223333, not of 444455556666: set AWS_PROFILE"):
        checks.check_account(account(), Wish(stage="solo", account="444455556666"))

    checks.check_account(account(), Wish(stage="solo", account="111122223333"))


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("ROLLBACK_COMPLETE", "`aws cloudformation delete-stack --stack-name tidegate-solo-data --region eu-west-1`"),
        ("CREATE_IN_PROGRESS", "wait until that is over"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "wait until that is over"),
        (
            "UPDATE_ROLLBACK_FAILED",
            "aws cloudformation continue-update-rollback --stack-name tidegate-solo-data --region eu-west-1`",
        ),
        ("DELETE_FAILED", "delete it again"),
    ],
)
def test_a_stack_that_cannot_be_changed_now(status, remedy):
    (fault,) = checks.stack_faults(account(describe_stacks=stack(status)), [DATA])

    assert status in fault
    assert remedy in fault


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
)
def test_a_stack_that_can_be_changed(status):
    assert list(checks.stack_faults(account(describe_stacks=stack(status)), [DATA])) == []


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"aws:cloudformation:stack-name": "theirs"}, "is of the stack theirs: deploy this stage by CloudFormation"),
        ({}, "is not Tidegate's: rename or remove it"),
        ({"owner": "bob"}, "is not Tidegate's: rename or remove it"),
        ({"tidegate:stage": "team"}, "is not Tidegate's"),
        ({"tidegate:stage": "team", "aws-chalice": "version=1:stage=team:app=tidegate"}, "is not Tidegate's"),
    ],
)
def test_a_name_that_is_taken(tags, said):
    found = Inventory(({"resource_type": "lambda_function", "name": "work", "lambda_arn": "arn:f:tidegate-solo-work"},))

    (fault,) = checks.owner_faults(account(list_tags={"Tags": tags}, describe_stacks=GONE), "solo", found)

    assert fault.startswith("the function tidegate-solo-work ")
    assert said in fault


@pytest.mark.parametrize("tags", [{"tidegate:stage": "solo"}, {"aws-chalice": "version=1:stage=solo:app=tidegate"}])
def test_a_function_of_its_own(tags):
    found = Inventory(({"resource_type": "lambda_function", "name": "work", "lambda_arn": "arn:f:tidegate-solo-work"},))

    assert not [*checks.owner_faults(account(list_tags={"Tags": tags}, describe_stacks=GONE), "solo", found)]


@pytest.mark.parametrize(
    ("principal", "is_taken"),
    [
        ({"Service": "lambda.amazonaws.com"}, False),
        ({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}, True),
        ({"AWS": "arn:aws:iam::444455556666:root"}, True),
        ("*", True),
    ],
)
def test_a_role_that_others_may_take(principal, is_taken):
    role = {"resource_type": "iam_role", "name": "work_role", "role_arn": "arn:aws:iam::1:role/tidegate-solo-work"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    asked = account(get_role={"Role": {"AssumeRolePolicyDocument": trust}}, describe_stacks=GONE)

    faults = [*checks.owner_faults(asked, "solo", Inventory((role,)))]

    assert [each.startswith("the role tidegate-solo-work is not Tidegate's") for each in faults] == [True] * is_taken


def test_a_stage_that_was_deployed_the_other_way():
    (fault,) = checks.owner_faults(account(describe_stacks=stack("CREATE_COMPLETE")), "solo", Inventory(()))

    assert "tidegate-solo deploys this stage by CloudFormation" in fault


def test_a_pepper_that_is_about_to_vanish():
    pepper = SimpleNamespace(described=lambda: {"Name": "tidegate/solo/peppers", "DeletedDate": "tomorrow"})

    (fault,) = checks.pepper_faults(account(), pepper)

    assert "aws secretsmanager restore-secret --secret-id tidegate/solo/peppers --region eu-west-1`" in fault


def limits(most, unreserved, **reserved):
    def concurrency(asked):
        return {"ReservedConcurrentExecutions": reserved.get(asked["FunctionName"].rpartition("-")[2], 0)}

    settings = {"AccountLimit": {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": unreserved}}
    return account(get_account_settings=settings, get_function_concurrency=concurrency)


def test_a_quota_that_is_too_small():
    asked = sum((each.reserved or 0) + each.provisioned for each in STAGES["scale"].functions.values())

    (fault,) = checks.quota_faults(limits(100, 100), STAGES["scale"])

    assert f"sets {asked} aside, which takes {asked + 100} in all" in fault
    assert f"--quota-code L-B99A9384 --desired-value {asked + 100} --region eu-west-1`" in fault


def test_what_a_stage_holds_already_is_not_counted_twice():
    scale = STAGES["scale"]
    asked = sum((each.reserved or 0) + each.provisioned for each in scale.functions.values())

    held = {name: size.reserved for name, size in scale.functions.items() if size.reserved}
    there = limits(asked + 100, asked + 100 - sum(held.values()), **held)

    assert list(checks.quota_faults(there, scale)) == []
    assert list(checks.quota_faults(limits(10, 10), STAGES["solo"])) == []


def test_a_zip_that_lambda_would_not_take(tmp_path):
    archive = tmp_path / "deployment.zip"
    with archive.open("wb") as opened:
        opened.truncate(checks.MOST_ZIP_BYTES + 1)

    (fault,) = checks.zip_faults(archive)

    assert "Lambda takes 50 MB in one call" in fault
    assert "requirements.txt" in fault


def test_a_network_that_is_not_there_is_said_after_two_tries(monkeypatch):
    """Ten tries, as other calls have, were a minute of silence."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "fake")
    session, tries = botocore.session.Session(), []

    def unreachable(request, **_):
        tries.append(request)
        raise EndpointConnectionError(endpoint_url=request.url)

    session.get_component("event_emitter").register("before-send", unreachable)
    there = Account(boto3.Session(botocore_session=session, region_name="eu-west-1"), lambda _: None)

    with pytest.raises(CannotDeploy, match=r"AWS does not say who you are \(Could not connect.*\): check network"):
        checks.check_account(there, WISH)

    assert len(tries) == 2


def test_every_command_that_a_person_is_told_says_its_region():
    """Theirs may be another, and the command would find nothing there, or something else."""
    commands = re.compile(r"`aws (?!configure)[^`]+`")
    told = [each for path in DEPLOY.glob("*.py") for each in commands.findall(path.read_text())]

    assert [each for each in told if "--region" not in each] == []
    assert "`aws {arguments} --region {self.region}`" in told
