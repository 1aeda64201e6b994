"""One process of the lane: it reads jobs, one JSON object a line, and does each in a child, which may be killed.

    {"do": "accept", "turns": [[turn id, conversation, text], …], "sends"} takes turns in as the API does
    {"do": "work", "batch"}                                              works off as Lambda does, until nothing is left

both with {"dynamodb", "sqs", "stage", "worker", "now", "record"}; and to die on the way with "point", or with "life":
about how often it may send something to a server until it is killed. Then another is begun in its place.

What is accepted, brought and asked of the model stands in the file `record` before anybody hears of it.
"""

import functools
import json
import os
import random
import signal
import sys
import traceback
from dataclasses import replace

import botocore.session
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.loaders import create_loader

import app
from chalicelib import bootstrap, settings
from chalicelib.adapters.dynamodb.kept import KeptConnections
from chalicelib.adapters.memory.queue import MemoryJobQueue
from chalicelib.domain.chat import Completion, Delta, Usage
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.turn import Prefer
from chalicelib.pipeline import turn
from infra.local.worker import Source
from tests.builders import a_credential, a_request, an_ask
from tests.contract.stores import REGION

ACCEPTING = ("after ticket", "after put", "after send")
WORKING = ("after begin", "in the model", "after end", "after settle", "after announce")
CAP = 60
LEFT = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class Life:
    """Ends at a point, or after a number of steps."""

    def __init__(self, point, steps):
        self._point = point
        self._steps = steps

    def reach(self, point):
        if point == self._point:
            _die()

    def step(self):
        if self._steps is not None:
            self._steps -= 1
            if self._steps <= 0:
                _die()


class Record:
    """A file of words, a line for what happened."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def add(self, *words):
        os.write(self._file, f"{' '.join(map(str, words))}\n".encode())


class FakeModel:
    """Burns all of the input and some of the cap, and says which question it was asked."""

    def __init__(self, record, life):
        self._record = record
        self._life = life

    def complete(self, request, patience=None):
        self._life.step()
        question = request.messages[-1].content
        usage = Usage(input_bound(request), 1 + len(question) % request.max_output_tokens)
        self._record.add("asked", os.getpid(), question, usage.input_tokens + usage.output_tokens)
        self._life.reach("in the model")
        self._life.step()
        return Completion(text=f"Tide {question}", usage=usage)

    def stream(self, request, patience=None):
        """The same in one piece."""
        whole = self.complete(request, patience)
        yield Delta(text=whole.text, finish_reason="stop", usage=whole.usage)


class Reached:
    """A port that tells when some of its methods did something: by their names, whether a result says so."""

    def __init__(self, port, reach, **told):
        self._port = port
        self._reach = reach
        self._told = told

    def __getattr__(self, name):
        method = getattr(self._port, name)
        if name not in self._told:
            return method

        def reached(*args, **named):
            result = method(*args, **named)
            if self._told[name](result):
                self._reach(f"after {name}")
            return result

        return reached


def always(_):
    return True


def is_begun(job):
    return job is not None and not job.over


def services_of(job, life, record):
    """The product's own, over other clocks, with a model that keeps a record, and with points to die at."""
    use, reach = bootstrap.build(settings.read(os.environ)), life.reach
    model = FakeModel(record, life)

    def clock():
        return float(job["now"])

    queue = use.lane.queue if job.get("sends", True) else MemoryJobQueue()
    jobs = Reached(use.lane.jobs, reach, ticket=always, put=always, begin=is_begun, end=bool)
    return replace(
        use,
        lane=replace(use.lane, jobs=jobs, queue=Reached(queue, reach, send=always), clock=clock),
        admission=replace(use.admission, turns=Reached(use.admission.turns, reach, settle=always)),
        router=replace(use.router, open_chat=lambda _: model, clock=clock),
        notices=Reached(use.notices, reach, announce=always),
        clock=clock,
    )


def accept(job, use, record):
    """Take each turn in, and say so."""
    credential = a_credential(*owner_of(job["worker"]))
    prefer = Prefer(respond_async=True)
    for name, conversation, text in job["turns"]:
        request = a_request(text, model="nova-lite", max_output_tokens=CAP)
        fields = {"turn_id": name, "now": job["now"], "conversation": conversation, "prefer": prefer}
        turn.answer(an_ask(credential=credential, request=request, **fields), use)
        record.add("accepted", name)


def owner_of(worker):
    """The tenant and the user that a worker's turns are of."""
    return f"tenant-{worker}", "ada"


def work(job, use, record):
    """Bring messages to the app's own function until none is left, on the way or hidden."""
    app.services = lambda: use
    client = botocore.session.Session().create_client("sqs", region_name=REGION)
    name = f"tidegate-{job['stage']}-turns"
    url = client.get_queue_url(QueueName=name)["QueueUrl"]

    def handler(event, context):
        record.add("brought", os.getpid(), len(event["Records"]))
        return app.work_off(event, context)

    source = Source(client, name, job["batch"], handler)
    while _brought(source) or _left(client, url):
        pass


def _brought(source):
    try:
        return source.bring()
    except ClientError:  # a slow machine: the messages were not hidden for long enough, and are another's now
        return 1


def _left(client, url):
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(LEFT))["Attributes"]
    return any(int(counts[name]) for name in LEFT)


def done(job):
    """The job in children of this process, one after another for as long as they are killed: who was."""
    killed = []
    while True:
        draw = random.Random(f"{job['worker']}-{job['now']}-{len(killed)}")
        child = os.fork()
        if child == 0:
            _live(job, Life(job.get("point"), draw.randint(1, 2 * job["life"]) if job.get("life") else None))
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return {"killed": killed, "code": os.WEXITSTATUS(status)}
        killed.append(child)
        if "point" in job:
            return {"killed": killed, "code": 0}


def _live(job, life):
    """What the child does; it does not come back."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.environ |= {
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_DYNAMODB": job["dynamodb"],
            "AWS_ENDPOINT_URL_SQS": job["sqs"],
            "TIDEGATE_STAGE": job["stage"],
            "TIDEGATE_PEPPER": "pepper",
            "TIDEGATE_UPSTREAM": "simulated://echo",
            "TIDEGATE_CACHE": "false",
        }
        _count_steps(life)
        record = Record(job["record"])
        {"accept": accept, "work": work}[job["do"]](job, services_of(job, life, record), record)
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def _count_steps(life):
    """Whatever is sent to a server is two steps: before, and when it was answered."""
    for kind in (URLLib3Session, KeptConnections):
        kind.send = _stepping(life, kind, kind.send)


def _stepping(life, kind, send):
    def sent(session, request):
        if type(session) is not kind:  # of what a kept connection hands on
            return send(session, request)
        life.step()
        reply = send(session, request)
        life.step()
        return reply

    return sent


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _prepare():
    """Read once what each child would read: half of the time that one takes to be there."""
    botocore.session.create_loader = functools.cache(create_loader)
    for service in ("dynamodb", "sqs"):
        botocore.session.Session().create_client(service, region_name=REGION)


def main():
    _prepare()
    for line in sys.stdin:
        print(json.dumps(done(json.loads(line))), flush=True)  # noqa: T201 - its only word


if __name__ == "__main__":
    main()
