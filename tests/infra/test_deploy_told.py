"""What an operator said wrongly is told before anything is made: each fault once, and all of them together."""

import json
import os
import shutil
import stat

import pytest

from infra import merge
from infra.deploy.configured import settings_faults
from infra.deploy.faults import CannotDeploy
from infra.deploy.keyfile import key_file_faults, write_key
from infra.deploy.project import CONFIG, Project
from infra.deploy.wish import Wish
from infra.stages import STAGES
from tests.infra.runs import ROOT


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / ".chalice").mkdir()
    shutil.copy(ROOT / CONFIG, tmp_path / CONFIG)
    return tmp_path


def told(checkout, function=None, **variables):
    """Set variables of the stage, or of one of its functions, as an operator does; None takes one away."""
    config = json.loads((checkout / CONFIG).read_text())
    part = config["stages"]["solo"]
    part = part["lambda_functions"][function] if function else part
    given = {**part.get("environment_variables", {}), **variables}
    part["environment_variables"] = {name: value for name, value in given.items() if value is not None}
    (checkout / CONFIG).write_text(json.dumps(config))
    return [*settings_faults(Project(checkout, "solo"))]


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_committed_has_no_fault(stage):
    assert [*settings_faults(Project(ROOT, stage))] == []


def test_all_that_is_wrong_is_told_together(checkout):
    found = told(
        checkout, TIDEGATE_WAIT_SECONDS="soon", TIDEGATE_SEMANTIC="perhaps", TIDEGATE_TYPO="1", TIDEGATE_CACHE=True
    )

    assert len(found) == 4
    assert all(each.startswith(".chalice/config.json, stage solo: TIDEGATE_") for each in found)
    assert f"{CONFIG}, stage solo: TIDEGATE_TYPO is not a setting" in found
    assert f"{CONFIG}, stage solo: TIDEGATE_CACHE is not a text: put it in quotes" in found


def test_what_one_function_is_told_is_read_over_what_all_are_told(checkout):
    (found,) = told(checkout, function="work", TIDEGATE_CACHE_TTL_SECONDS="0")

    assert (
        found == f"{CONFIG}, stage solo, work: TIDEGATE_CACHE_TTL_SECONDS: not a whole number from 1 to 1,000,000,000"
    )


@pytest.mark.parametrize("stage", [None, "team", "local"])
def test_functions_that_would_look_for_the_tables_of_another_stage(checkout, stage):
    (found,) = told(checkout, TIDEGATE_STAGE=stage)

    assert "TIDEGATE_STAGE is not solo" in found


def test_functions_without_a_pepper(checkout):
    (found,) = told(checkout, TIDEGATE_PEPPERS_SECRET=None)

    assert "TIDEGATE_PEPPERS_SECRET or TIDEGATE_PEPPER must be set" in found


def test_an_upstream_that_nothing_can_call(checkout):
    (found,) = told(checkout, TIDEGATE_UPSTREAM="opnai://host")

    assert "TIDEGATE_UPSTREAM cannot be served from: " in found
    assert "target 'opnai://host' has an unknown scheme" in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"stages": {', "cannot be read (Expecting property name enclosed in double quotes: line 1 column 13"),
        ("[]", "cannot be read (Expected `object`, got `array`): mend it"),
        ('{"stages": []}', "cannot be read (Expected `object`, got `array` - at `$.stages`): mend it"),
        ('{"stages": {}}', "has no stage solo: `.venv/bin/python -m infra.project` writes it"),
        (None, "cannot be read ([Errno 2] No such file or directory"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told_in_a_sentence(checkout, text, said):
    (checkout / CONFIG).unlink()
    if text is not None:
        (checkout / CONFIG).write_text(text)

    with pytest.raises(CannotDeploy) as caught:
        Project(checkout, "solo").environment  # noqa: B018 - it is read when it is asked for

    assert str(caught.value).startswith(f"{CONFIG} {said}")


def test_every_variable_that_cannot_be_meant_is_told():
    given = {"STAGE": "solo", "MAIL": "nonsense", "BUDGET_USD": "-1", "ACCOUNT": "x", "API_URL": "http://{host}/"}

    with pytest.raises(CannotDeploy) as caught:
        Wish.read(given)

    assert [each.split()[0] for each in str(caught.value).splitlines()] == ["ACCOUNT", "BUDGET_USD", "MAIL", "API_URL"]
    assert Wish.read({"STAGE": "solo", "MAIL": "ops@example.com"}).mail == "ops@example.com"


def test_a_key_file_that_is_a_folder_is_told_and_stays_as_it_is(tmp_path):
    before = stat.S_IMODE(tmp_path.stat().st_mode)

    (found,) = key_file_faults(str(tmp_path), wanted=True)

    assert found == f"KEY_FILE={tmp_path} is a folder: name a file in it, such as {tmp_path}/first-key"
    with pytest.raises(CannotDeploy, match="cannot be written"):
        write_key(str(tmp_path), "key")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == before


def test_a_key_file_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")

    (under_a_file,) = key_file_faults(str(tmp_path / "file" / "key"), wanted=False)
    (device,) = key_file_faults(os.devnull, wanted=False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    (forbidden,) = key_file_faults(str(tmp_path / "key"), wanted=False)

    assert "cannot be written" in under_a_file
    assert "is not a plain file" in device
    assert "cannot be written" in forbidden
    with pytest.raises(CannotDeploy, match="so no key was made"):
        write_key(str(tmp_path / "file" / "key"), "key")


def test_what_a_key_file_has_in_it_is_never_written_over(tmp_path):
    there = tmp_path / "there"
    there.write_text("something else")

    (found,) = key_file_faults(str(there), wanted=True)

    assert "has something in it" in found
    assert [*key_file_faults(str(there), wanted=False)] == []  # the key was made long ago


def test_a_key_is_written_for_its_owner_alone(tmp_path):
    there = tmp_path / "new" / "key"
    assert [*key_file_faults(str(there), wanted=True)] == []

    write_key(str(there), "tg_live_x")

    assert there.read_text() == "tg_live_x"
    assert stat.S_IMODE(there.stat().st_mode) == 0o600


def test_nothing_is_packaged_that_could_not_be_deployed(checkout, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(merge, "ROOT", checkout)
    told(checkout, TIDEGATE_WAIT_SECONDS="soon")

    assert [merge.main(stage, str(tmp_path / "out")) for stage in ("huge", "", "solo")] == [1, 1, 1]

    assert [line.partition(" TIDEGATE_")[0] for line in capsys.readouterr().err.splitlines()] == [
        "package: there is no stage 'huge': say STAGE=solo|team|scale",
        "package: there is no stage '': say STAGE=solo|team|scale",
        f"package: {CONFIG}, stage solo:",
    ]
    assert not (tmp_path / "out").exists()


def test_what_is_packaged_of_a_configuration_that_nobody_can_read(checkout, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(merge, "ROOT", checkout)
    (checkout / CONFIG).write_text("{")

    assert merge.main("solo", str(tmp_path / "out")) == 1
    assert capsys.readouterr().err.startswith(f"package: {CONFIG} cannot be read")


def test_what_is_packaged_to_where_nothing_can_be_written(checkout, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(merge, "ROOT", checkout)
    (tmp_path / "file").touch()

    assert merge.main("solo", str(tmp_path / "file" / "out")) == 1
    assert "Not a directory" in capsys.readouterr().err
