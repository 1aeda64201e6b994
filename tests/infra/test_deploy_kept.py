"""A stage that is taken away and deployed again: whoever had a key has it, and finds what was said."""

import pytest

from chalicelib import bootstrap, settings
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.domain.identity import parse_token, verify
from chalicelib.ports.conversations import TurnPage
from tests.contract.samples import OWNER, conversation, said, turn
from tests.infra.deploy_world import World, environment

KEPT = ("access", "conversations", "jobs", "ledger")


@pytest.fixture(scope="module")
def world(emulator, tmp_path_factory):
    return World(emulator, "000000000019", tmp_path_factory.mktemp("kept") / "project")


def test_every_key_and_conversation_is_as_good_as_before(world):
    world.deploy()
    talk = conversation("conv_kept", title="Names")
    with environment(**world.variables):
        conversations = DynamoConversations(database())
        conversations.create(talk, turn("turn_1", 1, said("My name is Ada.")))
    spend(world)
    before, pepper = items(world), secret(world)

    world.destroy()
    world.checkout()
    world.deploy()

    assert items(world) == before
    assert secret(world) == pepper
    (token,) = world.shown  # the second deployment made no other
    with environment(**world.variables):
        keys, peppers = world.blueprint().opened()
        credential = parse_token(token)
        assert verify(credential, keys.get(credential.key_id), peppers, 0).scopes == {"chat", "admin"}
        kept = DynamoConversations(database())
        assert kept.get(OWNER, talk.id).metadata == talk.metadata
        assert [each.items for each in kept.turns(talk.id, TurnPage())] == [(said("My name is Ada."),)]
    assert world.changes() == []


def database():
    return bootstrap.open_database(settings.read({"TIDEGATE_STAGE": "solo", "TIDEGATE_PEPPERS_SECRET": "unread"}))


def spend(world):
    """What is counted and what is waited for, whatever it says."""
    for table, key in (("ledger", {"pk": "counter#acme", "sk": "day"}), ("jobs", {"pk": "job#1", "sk": "job"})):
        item = {name: {"S": value} for name, value in {**key, "note": "kept"}.items()}
        world.client("dynamodb").put_item(TableName=f"tidegate-solo-{table}", Item=item)


def items(world):
    client = world.client("dynamodb")
    found = {name: client.scan(TableName=f"tidegate-solo-{name}")["Items"] for name in KEPT}
    assert all(found.values())
    return {name: sorted(each, key=str) for name, each in found.items()}


def secret(world):
    return world.client("secretsmanager").get_secret_value(SecretId="tidegate/solo/peppers")["SecretString"]


def test_what_an_operator_said_to_the_watch_stack_stays(world):
    world.deploy()
    client = world.client("cloudformation")
    client.update_stack(
        StackName="tidegate-solo-watch",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "BudgetOfTag", "ParameterValue": "true"}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )

    world.deploy(mail="ops@example.com")

    (stack,) = client.describe_stacks(StackName="tidegate-solo-watch")["Stacks"]
    said = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (said["BudgetOfTag"], said["Mail"]) == ("true", "ops@example.com")
