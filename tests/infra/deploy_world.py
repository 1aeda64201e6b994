"""A stage that Chalice's own deployer deploys into an account of the emulator's, cut wherever it is told."""

import contextlib
import copy
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile

import boto3
import botocore.session
import pytest
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from chalice.awsclient import TypedAWSClient
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BaseDeployStep,
    BuildStage,
    Deployer,
    InjectDefaults,
    PolicyGenerator,
    ResultsRecorder,
    SwaggerBuilder,
    create_deletion_deployer,
)
from chalice.deploy.executor import Executor
from chalice.deploy.planner import PlanStage, RemoteState
from chalice.deploy.swagger import TemplatedSwaggerGenerator
from chalice.deploy.sweeper import ResourceSweeper
from chalice.utils import UI, OSUtils

from chalicelib.bootstrap.lane import queue_name
from infra.deploy.account import Account
from infra.deploy.blueprint import Blueprint
from infra.deploy.destroy import steps_of
from infra.deploy.faults import CannotDeploy
from infra.deploy.project import Project
from infra.deploy.run import apply, check
from infra.deploy.wish import Wish
from tests.infra.runs import ROOT, eventually

REGION = "us-east-1"
READS = ("Get", "List", "Describe")
LOADER = Loader(include_default_search_paths=True)  # of what is read of each service: once


class Emulator:
    """One for all accounts: an access key of twelve digits is an account."""

    def __init__(self):
        reader, self._lifeline = os.pipe()
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.port = bound.getsockname()[1]
            command = [sys.executable, "-m", "tests.infra.deploy_emulator", str(bound.fileno()), str(reader)]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[bound.fileno(), reader], env=_bare())
        os.close(reader)
        self.url = f"http://127.0.0.1:{self.port}"
        eventually(self._answers)

    def _answers(self):
        assert self._process.poll() is None
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self._process.terminate()
        self._process.wait()
        os.close(self._lifeline)


def _bare():
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TIDEGATE_"))}


class Cut(BotoCoreError):
    """The network is gone."""

    fmt = "the network is gone"


class Calls:
    """Every call to AWS in its order; the one that is to be cut, before or after it has had its effect, is cut once."""

    def __init__(self):
        self.made = []
        self.cut_at = None
        self.after = False
        self._cut_on = None

    def cut_on(self, name):
        """Cut before the next call of that name."""
        self._cut_on = name

    def watch(self, events):
        events.register_first("before-call", self._before)
        events.register_last("after-call", self._after)

    def _before(self, model, **_):
        self.made.append(f"{model.service_model.service_name}.{model.name}")
        if self.made[-1] == self._cut_on:
            self.cut_at, self.after, self._cut_on = len(self.made), False, None
        self._cut(after=False)

    def _after(self, **_):
        self._cut(after=True)

    def _cut(self, *, after):
        if self.cut_at == len(self.made) and self.after == after:
            self.cut_at = None
            raise Cut


class Packager(BaseDeployStep):
    """In place of pip and the zip of the code: nothing is called."""

    def __init__(self, archive):
        self._archive = archive

    def handle_deploymentpackage(self, _config, resource):
        resource.filename = str(self._archive)


class InProcess:
    """Chalice's own deployer, but for its packager."""

    def __init__(self, project, session, code):
        self._project = project
        self._session = session
        self._code = code

    def package(self):
        archive = self._project.root / "code.zip"
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr(zipfile.ZipInfo("app.py"), (self._project.root / "app.py").read_text())
        return archive

    def deploy(self):
        config = self._config()
        steps = [
            InjectDefaults(),
            Packager(self.package()),
            PolicyGenerator(policy_gen=None, osutils=OSUtils()),
            SwaggerBuilder(swagger_generator=TemplatedSwaggerGenerator()),
        ]
        client, osutils = TypedAWSClient(self._session, sleep=lambda _: None), OSUtils()
        Deployer(
            application_builder=ApplicationGraphBuilder(),
            deps_builder=DependencyBuilder(),
            build_stage=BuildStage(steps=steps),
            plan_stage=PlanStage(
                osutils=osutils, remote_state=RemoteState(client, config.deployed_resources(self._project.stage))
            ),
            sweeper=ResourceSweeper(),
            executor=Executor(client, Quiet()),
            recorder=ResultsRecorder(osutils=osutils),
        )._deploy(config, self._project.stage)

    def delete(self):
        client = TypedAWSClient(self._session, sleep=lambda _: None)
        create_deletion_deployer(client, Quiet())._deploy(self._config(), self._project.stage)

    def _config(self):
        disk = json.loads((self._project.root / ".chalice/config.json").read_text())
        given = {"chalice_app": self._code, "project_dir": str(self._project.root), "api_gateway_stage": "api"}
        return Config(self._project.stage, user_provided_params=given, config_from_disk=disk)


class Quiet(UI):
    def write(self, msg):
        pass


def app_of(stage):
    """The entry points as they are where they are packaged for a stage: the queue's name is of its environment."""
    staged = copy.copy(importlib.import_module("app").app)
    staged.event_sources = [copy.copy(each) for each in staged.event_sources]
    for each in staged.event_sources:
        if hasattr(each, "queue"):
            each.queue = queue_name(stage)
    return staged


@contextlib.contextmanager
def environment(**wanted):
    """These variables, and no client that was made with others."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in wanted.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield


class World:
    """One account, a checkout, and what was said and shown."""

    def __init__(self, emulator, number, folder, stage="solo", region=REGION):
        self.number, self.folder, self.code, self.stage = number, folder, app_of(stage), stage
        self.variables = {
            "AWS_ACCESS_KEY_ID": number,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_ENDPOINT_URL": emulator.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        self.calls = Calls()
        self.said, self.shown = [], []
        self._session = None
        self.checkout()

    def checkout(self):
        """A clone: what was deployed before is not written down here."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / ".chalice").mkdir(parents=True)
        for path in (ROOT / ".chalice").glob("*.json"):
            shutil.copy(path, self.folder / ".chalice")
        self.edit("first = True\n")
        (self.folder / "requirements.txt").write_text("")

    def edit(self, code):
        """Change what would be deployed."""
        (self.folder / "app.py").write_text(code)

    def blueprint(self):
        project = Project(self.folder, self.stage)
        account = Account(boto3.Session(botocore_session=self.session), lambda _: None)
        return Blueprint(account, project, InProcess(project, self.session, self.code), self.shown.append)

    @property
    def session(self):
        if self._session is None:
            self._session = botocore.session.Session()
            self._session.register_component("data_loader", LOADER)
            self.calls.watch(self._session.get_component("event_emitter"))
        return self._session

    def deploy(self, **wish):
        """Everything but the call to what was deployed."""
        wanted = Wish(stage=self.stage, **wish)
        with environment(**self.variables):
            blueprint = self.blueprint()
            check(blueprint, wanted, self.said.append)
            apply(blueprint.steps(wanted), self.said.append)

    def destroy(self, **wish):
        with environment(**self.variables):
            apply(steps_of(self.blueprint(), Wish(stage=self.stage, **wish)), self.said.append)

    def until_done(self, act):
        """Run it again as a person would, who waits while CloudFormation is at work."""
        while True:
            try:
                return act()
            except CannotDeploy as fault:
                if "_IN_PROGRESS" not in str(fault):
                    raise

    def changes(self):
        """What another deployment would change."""
        with environment(**self.variables):
            return [change for step in self.blueprint().steps(Wish(stage=self.stage)) for change in step.changes()]

    def client(self, service):
        with environment(**self.variables):
            return self.session.create_client(service)
