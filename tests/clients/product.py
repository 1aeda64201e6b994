"""The product as its user starts it, `make run` in a folder that has the repository, and as its operator sees it."""

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

from chalicelib import bootstrap, settings
from chalicelib.bootstrap.lane import open_lane
from chalicelib.domain.budget import Charge, Subject
from chalicelib.domain.identity import parse_token
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import Reservation
from chalicelib.pipeline.lane import RESEND_SECONDS
from infra.key import make_key
from infra.local.seed import PLANS
from tests.infra.runs import Run, free_port, living

MODEL = "claude-haiku-4-5"
FOREIGN = ("AWS_", "MAKE", "MFLAGS", "OPENAI_", "PORT", "TIDEGATE_", "UPSTREAM")


def surroundings():
    """This process's environment without what would change a run or a client."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


class Served:
    """The product at `url`, with a key of its user in `key`."""

    def client(self, **options):
        """OpenAI's own client. It does not retry unless told to, so that no fault stays hidden."""
        return openai.OpenAI(**{"base_url": self.url, "api_key": self.key, "max_retries": 0, **options})


class Elsewhere(Served):
    """The product where somebody else runs it, as the file that DEPLOYED names describes it."""

    def __init__(self, file):
        self._known = json.loads(Path(file).read_text())
        self.url, self.key = self._known["url"], self._known["key"]

    def make_key(self, tenant, user):
        return self.books().key_with(*PLANS, TENANT=tenant, USER=user)

    def books(self):
        return Books(self._known["environment"])


class Product(Served, Run):
    """One `make run` of the repository in `folder`, which keeps its data in `directory`."""

    def __init__(self, folder, directory=None, **environ):
        self.folder = folder
        self.directory = directory or folder / ".local"
        self.port = free_port()
        elsewhere = {"TIDEGATE_LOCAL_DIR": str(directory)} if directory else {}
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=folder,
            env={**surroundings(), "PORT": str(self.port), **elsewhere, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.everyone = {self.process.pid}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def socket_url(self):
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self):
        return (self.directory / "api-key").read_text()

    def until_ready(self):
        super().until_ready()
        self.example = self.process.stdout.readline()
        return self

    def children(self):
        """Every process under `make`, by the last word of its module: the supervisor is `local`."""
        command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in listing.splitlines()]
        found, parents = {}, {self.process.pid}
        while parents:
            born = {int(pid): words for pid, parent, words in rows if int(parent) in parents}
            found |= {_module(words): pid for pid, words in born.items()}
            parents = set(born)
        return found

    def stop(self):
        """Ask it to end, as a closed terminal does, and wait until everyone is gone."""
        self.process.terminate()
        self.end()
        self.close()

    def bury(self):
        """Leave nobody behind, however the test ended."""
        for pid in living(self.everyone):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.close()

    def make_key(self, tenant, user):
        """The key that `make key` makes in another terminal."""
        command = ["make", "key", f"TENANT={tenant}", f"USER={user}"]
        elsewhere = {"TIDEGATE_LOCAL_DIR": str(self.directory)}
        made = subprocess.run(
            command, cwd=self.folder, env={**surroundings(), **elsewhere}, capture_output=True, text=True, check=True
        )
        return made.stdout.strip()

    def logs(self):
        return "".join(path.read_text() for path in self.directory.glob("*.log*"))

    def books(self):
        return Books(json.loads((self.directory / "running.json").read_text()))


class Books:
    """Plans, keys, balances and the line of a running product, through the product's own ports."""

    def __init__(self, environment):
        read = settings.read(environment)
        self._environment = environment
        with self._surroundings():  # a client is made, and finds the emulator, at its first call
            self._peppers = bootstrap.peppers(read)
            database = bootstrap.open_database(read)
            self._keys, self._turns = bootstrap.open_keys(database), bootstrap.open_turns(database)
            self._keys.plans()
            self._lane = open_lane(read, database)

    @contextmanager
    def _surroundings(self):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            yield

    def let_lease_run_out(self, job):
        """As if the worker of a job had been silent for long enough; then the sweep comes by."""
        held = self._lane.jobs.get(job)
        assert held.state == "in_progress"
        self._lane.jobs.touch(held, held.created_at - RESEND_SECONDS)
        with self._surroundings():
            self._lane.resend()

    def put_plan(self, plan):
        self._keys.put_plan(plan)

    def key_with(self, plan, **owner):
        """The token of a new key that is held to `plan`."""
        self._keys.put_plan(plan)
        wish = {"TENANT": "acme", "USER": "ada", "PLAN": plan.name, **owner}
        return make_key(wish, self._keys, self._peppers, live=False)

    def charge(self, token, charge, saved, at):
        """As if the key had used so much at an epoch second, and answers from the cache had saved so much."""
        key = parse_token(token)
        turn = f"{key.key_id}-{at}"
        made = Reservation(turn, subjects_of(key), (), charge, at, at + 60, final=True, saved=saved)
        with self._surroundings():
            self._turns.reserve(made)

    def spent(self, token):
        """What the key has been charged this month."""
        key = Subject("key", parse_token(token).key_id)
        return self._keys.balances((key,), time.time()).get(("key", "month"), Charge())


def ask(client, text, **options):
    """One question, whole."""
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], **options)


def said(client, text, **options):
    """The text of the answer to one question."""
    return ask(client, text, **options).choices[0].message.content


def in_conversation(conversation):
    return {"extra_body": {"conversation": conversation.id}}


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def items_of(client, conversation):
    return list(client.conversations.items.list(conversation.id, order="asc"))


def _module(command):
    return command.partition("infra.")[2].partition(" ")[0].rpartition(".")[2]
