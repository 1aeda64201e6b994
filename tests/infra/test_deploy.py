"""A stage deployed into an emulated account: what is there afterwards, and what a second deployment does."""

import json

import pytest

from chalicelib.adapters.memory.keys import MemoryKeys
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.identity import Peppers, parse_token, verify
from infra.deploy import run
from infra.deploy.faults import CannotDeploy
from infra.deploy.inventory import Finder
from infra.deploy.project import Project
from infra.deploy.secrets import FirstKey
from infra.deploy.wish import Wish
from tests.infra.deploy_state import state_of
from tests.infra.deploy_world import READS, World, environment


@pytest.fixture(scope="module")
def deployed(emulator, tmp_path_factory):
    """One that tests only read, or change so that it is again as it was."""
    world = World(emulator, "000000000001", tmp_path_factory.mktemp("deployed") / "project")
    world.deploy()
    return world


def test_a_second_deployment_reads_and_changes_nothing(deployed):
    before, so_far = state_of(deployed), len(deployed.calls.made)

    assert deployed.changes() == []
    deployed.deploy()

    made = [each.partition(".")[2] for each in deployed.calls.made[so_far:]]
    assert [each for each in made if not each.startswith(READS)] == []
    assert state_of(deployed) == before


def test_a_plan_says_what_would_be_and_touches_nothing(world):
    said = []
    with environment(**world.variables):
        run.deploy(world.blueprint(), Wish(stage="solo", plan=True), said.append)

    assert [each for each in world.calls.made if not each.partition(".")[2].startswith(READS)] == []
    assert f"solo in us-east-1 of {world.number}" in said
    assert "  stack tidegate-solo-data: absent -> made" in said
    assert "  function work: absent -> deployed" in said
    assert not (world.folder / ".chalice/deployed").exists()


def test_what_is_found_is_what_chalice_writes_down(deployed):
    file = deployed.folder / ".chalice/deployed/solo.json"
    with environment(**deployed.variables):
        blueprint = deployed.blueprint()
        blueprint.chalice.deploy()
        by_chalice = json.loads(file.read_text())
        finder = Finder(blueprint.account, Project(deployed.folder, "solo"))
        finder.write(finder.find())
    deployed.deploy()

    def sorted_by_name(written):
        return {**written, "resources": sorted(written["resources"], key=lambda each: each["name"])}

    assert sorted_by_name(json.loads(file.read_text())) == sorted_by_name(by_chalice)


def test_a_clone_that_never_deployed_goes_on_with_what_is_there(deployed):
    before = state_of(deployed)
    deployed.checkout()
    deployed.edit("second = True\n")

    changes = {change.what for change in deployed.changes()}
    deployed.deploy()

    assert "function api_handler" in changes
    assert state_of(deployed).replace("second", "first").count('"uri"') == before.count('"uri"')
    assert len(deployed.client("apigateway").get_rest_apis()["items"]) == 1
    assert len(deployed.client("apigatewayv2").get_apis()["Items"]) == 1
    assert deployed.changes() == []


def test_a_bound_that_the_sweep_has_turned_outlives_a_deployment(deployed):
    client = deployed.client("lambda")
    (source,) = client.list_event_source_mappings()["EventSourceMappings"]
    client.update_event_source_mapping(
        UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": 7}, FunctionResponseTypes=[]
    )
    deployed.edit("third = True\n")

    deployed.deploy()

    (source,) = client.list_event_source_mappings()["EventSourceMappings"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": 7}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_what_was_stopped_by_hand_runs_again(deployed):
    functions, events = deployed.client("lambda"), deployed.client("events")
    (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    events.disable_rule(Name="tidegate-solo-sweep-event")

    changes = {str(change) for change in deployed.changes()}
    deployed.deploy()

    assert changes == {
        "mapping of tidegate-solo-turns: runs False -> runs True",
        "schedule of sweep: state DISABLED -> state ENABLED",
    }
    (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert source["State"] in {"Enabled", "Enabling"}
    assert events.describe_rule(Name="tidegate-solo-sweep-event")["State"] == "ENABLED"
    assert deployed.changes() == []


def test_a_role_and_a_schedule_that_were_removed_by_hand_are_made_again(deployed):
    before = state_of(deployed)
    roles, events = deployed.client("iam"), deployed.client("events")
    for policy in roles.list_role_policies(RoleName="tidegate-solo-work")["PolicyNames"]:
        roles.delete_role_policy(RoleName="tidegate-solo-work", PolicyName=policy)
    roles.delete_role(RoleName="tidegate-solo-work")
    (target,) = events.list_targets_by_rule(Rule="tidegate-solo-refit-event")["Targets"]
    events.remove_targets(Rule="tidegate-solo-refit-event", Ids=[target["Id"]])
    events.delete_rule(Name="tidegate-solo-refit-event")

    changes = {str(change) for change in deployed.changes()}
    deployed.deploy()

    assert {"role of work: absent -> deployed", "schedule of refit: absent -> deployed"} <= changes
    assert state_of(deployed) == before
    assert deployed.changes() == []


def test_the_first_key_is_shown_once_and_administers(deployed):
    (token,) = deployed.shown
    with environment(**deployed.variables):
        keys, peppers = deployed.blueprint().opened()
        credential = parse_token(token)
        principal = verify(credential, keys.get(credential.key_id), peppers, 0)

    assert principal.scopes == {"chat", "admin"}
    assert principal.plan in keys.plans()


def test_a_first_key_that_was_shown_and_not_stored_is_shown_anew():
    keys, shown = ForgetfulKeys(Shelf()), []
    step = FirstKey(lambda: (keys, Peppers(1, {1: b"pepper"})), shown.append)

    with pytest.raises(StoreUnavailable):
        step.apply(print)
    step.apply(print)
    step.apply(print)

    stored = [keys.get(parse_token(token).key_id) is not None for token in shown]
    assert stored == [False, True]
    assert step.changes() == []


class ForgetfulKeys(MemoryKeys):
    """The first key is lost on its way."""

    lost = False

    def put(self, key, note=None):
        if not self.lost:
            self.lost = True
            raise StoreUnavailable("the table cannot be written")
        super().put(key, note)


def test_a_pepper_that_is_there_is_never_written(world):
    mine = json.dumps({"current": 3, "peppers": {"3": "mine"}})
    world.client("secretsmanager").create_secret(Name="tidegate/solo/peppers", SecretString=mine)

    world.deploy()

    kept = world.client("secretsmanager").get_secret_value(SecretId="tidegate/solo/peppers")
    assert kept["SecretString"] == mine


def test_a_failure_says_what_was_done_and_what_was_not(world):
    world.calls.cut_on("lambda.CreateFunction")

    with pytest.raises(CannotDeploy) as caught:
        world.deploy()

    said = str(caught.value)
    assert "done: what lasts, the pepper of the keys, the first key" in said
    assert "cut in: functions and APIs" in said
    assert "not begun: what Chalice cannot set, what watches" in said


def test_an_interruption_says_what_was_done_too(world, monkeypatch):
    def interrupted(_say):
        raise KeyboardInterrupt

    with environment(**world.variables):
        steps = world.blueprint().steps(Wish(stage="solo"))
        monkeypatch.setattr(steps[2], "apply", interrupted)
        with pytest.raises(
            CannotDeploy, match="interrupted\ndone: what lasts, the pepper of the keys; cut in: the first"
        ):
            run.apply(steps, world.said.append)


def test_half_of_new_code_is_not_taken_for_the_old(world):
    world.deploy()
    world.edit("second = True\n")
    world.calls.cut_on("lambda.UpdateFunctionCode")
    with pytest.raises(CannotDeploy, match="cut in: functions and APIs"):
        world.deploy()

    world.checkout()

    assert "function api_handler" in {change.what for change in world.changes()}


def test_the_secrets_of_a_stage_can_be_made_without_its_functions(world):
    with environment(**world.variables):
        blueprint = world.blueprint()
        run.apply(blueprint.steps(Wish(stage="solo"))[:1], world.said.append)

        run.apply(blueprint.secrets(), world.said.append)

        assert [change for step in blueprint.secrets() for change in step.changes()] == []
    assert len(world.shown) == 1
    assert world.client("lambda").list_functions()["Functions"] == []


@pytest.mark.parametrize(("stage", "number"), [("team", "300000000001"), ("scale", "300000000002")])
def test_a_larger_stage_is_deployed_once_too(emulator, tmp_path, stage, number):
    world = World(emulator, number, tmp_path / "project", stage)

    world.deploy()

    assert world.changes() == []
    assert f"tidegate-{stage}-watch" in state_of(world)
    assert ("tidegate-scale-stream:live" in state_of(world)) == (stage == "scale")


def test_what_the_functions_would_refuse_stops_before_anything_is_made(world):
    file = world.folder / ".chalice" / "config.json"
    config = json.loads(file.read_text())
    config["stages"]["solo"]["environment_variables"]["TIDEGATE_WAIT_SECONDS"] = "soon"
    file.write_text(json.dumps(config))

    with pytest.raises(CannotDeploy, match=r"stage solo: TIDEGATE_WAIT_SECONDS: .*\n.*KEY_FILE=.* is a folder"):
        world.deploy(key_file=str(world.folder))

    assert [each for each in world.calls.made if not each.partition(".")[2].startswith(READS)] == []
