"""Where ministack takes another way than AWS, and a deployment would notice it; for the emulator's process alone."""

import os
import sys
import threading
import types
import zipfile
from collections import defaultdict
from pathlib import Path

from ministack.core import lambda_runtime
from ministack.services import apigateway_v1, lambda_svc
from ministack.services.cloudformation import provisioners

from tests.e2e.gateway import buffered, keep_transfer_mode

AT_ONCE = 8  # processes of a function: a cold one takes 1.5 s of a processor, and who finds all of them at work waits
NOT_MADE = ("AWS::ApiGatewayV2::Deployment", "AWS::Budgets::Budget")  # kinds it has not, which no request needs


def give(note):
    """Make the emulator so; `note` is told the name of each function that is called."""
    sys.executable = sys._base_executable  # functions find no package but their own
    lambda_runtime.zipfile = types.SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedZip})
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0  # who deploys looks again after five seconds, at each function
    _tell_of_calls(note)
    _let_calls_end()
    _answer_streams_whole()
    _refuse_as_defined()
    keep_transfer_mode(apigateway_v1)
    for kind in NOT_MADE:
        provisioners._RESOURCE_HANDLERS[kind] = {
            "create": lambda logical_id, properties, stack: (logical_id, {}),
            "update": lambda physical_id, old, new, stack: (physical_id, {}),
            "delete": lambda physical_id, properties: None,
        }


class SharedZip(zipfile.ZipFile):
    """A package that is unpacked once for all processes: each would take as long over it as over the import."""

    _one_at_a_time = threading.Lock()  # `_lock` is a name of its own
    _unpacked = {}  # noqa: RUF012 - of all packages together

    def extractall(self, path=None, members=None, pwd=None):
        content = tuple(each.CRC for each in self.infolist())
        with self._one_at_a_time:
            if content not in self._unpacked:
                first = Path(os.environ["TMPDIR"]) / f"package-{len(self._unpacked)}"
                super().extractall(first, members, pwd)
                self._unpacked[content] = first
        Path(path).rmdir()
        Path(path).symlink_to(self._unpacked[content])


def _tell_of_calls(note):
    invoke = lambda_runtime.Worker.invoke

    def noted(worker, *given, **named):
        note(worker.func_name)
        return invoke(worker, *given, **named)

    lambda_runtime.Worker.invoke = noted


def _let_calls_end():
    """A call that has begun ends in the process where it began, whatever is deployed meanwhile."""
    kill, acquire, release = (
        getattr(lambda_runtime, name) for name in ("kill_workers", "acquire_worker", "release_worker")
    )
    places, mine = defaultdict(lambda: threading.Semaphore(AT_ONCE)), threading.local()

    def wait_and_acquire(name, *given, **named):
        mine.place = places[name]
        mine.place.acquire()
        return acquire(name, *given, **named)

    def release_or_kill(worker):
        release(worker)
        mine.place.release()
        if worker and not any(worker in pool for pool in [*lambda_runtime._workers.values()]):
            kill([worker])

    lambda_runtime.kill_workers = lambda workers: kill([each for each in workers if not each.in_use])
    lambda_svc.acquire_worker, lambda_svc.release_worker = wait_and_acquire, release_or_kill


def _answer_streams_whole():
    """An integration that streams calls its function like any other."""
    function_of = apigateway_v1._extract_lambda_ref_from_integration_uri
    apigateway_v1._extract_lambda_ref_from_integration_uri = lambda uri: function_of(buffered(uri))


def _refuse_as_defined():
    """An API that is imported brings its own words for what API Gateway itself refuses."""
    resources_of = apigateway_v1._import_rest_api

    def imported(document, base=None):
        api = resources_of(document, base)
        for kind, response in document.get("x-amazon-apigateway-gateway-responses", {}).items():
            apigateway_v1._put_gateway_response(api, kind, response)
        return api

    apigateway_v1._import_rest_api = imported
