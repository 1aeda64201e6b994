"""The product where it was deployed, as its users and its operator reach it."""

import json
import time
from functools import cached_property

import msgspec

from infra.local.seed import PLANS
from tests.clients.product import Books, Served
from tests.e2e.cloud import REGION

OWNER = {"TENANT": "local", "USER": "local"}
ORIGIN = "https://chat.example.com"


class Deployed(Served):
    """One deployment; `functions` are what its functions are called, by their names in `app.py`."""

    origin = ORIGIN

    def __init__(self, deployment, *, rest, websocket):
        self._deployment = deployment
        self.cloud = deployment.cloud
        at = f"127.0.0.1:{self.cloud.port}/_aws/execute-api"
        self.rest, self.websocket = rest, websocket
        self.page = f"http://{at}/{rest}/api/"
        self.url = f"{self.page}v1"
        self.socket_url = f"ws://{at}/{websocket}/api"
        found = self.cloud.client("lambda").list_functions()["Functions"]
        self.functions = {each["Handler"].removeprefix("app."): each["FunctionName"] for each in found}
        self.environment = self.cloud.environment | deployment.named

    @staticmethod
    def host(api):
        """Where an API would be found in AWS."""
        return f"{api}.execute-api.{REGION}.amazonaws.com"

    @cached_property
    def key(self):
        """The key of a user, made as an operator makes it.

        Its plan has a name of its own: functions keep for a while what they know of the plan of a first key.
        """
        (plan,) = PLANS
        self.books().put_plan(msgspec.structs.replace(plan, name="clients"))
        return self.tool("key", **OWNER, PLAN="clients")

    def tool(self, name, **variables):
        """What a tool of the repository says, asked about this stage."""
        return self._deployment.run("make", name, *(f"{key}={value}" for key, value in variables.items())).strip()

    def books(self):
        """Plans, keys and balances, through the product's own ports."""
        return Books(self.environment)

    def invoke(self, function, event):
        """Call a function as its schedule does; what it logged."""
        began = time.time_ns() // 1_000_000
        answer = self.cloud.client("lambda").invoke(FunctionName=self.functions[function], Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return [line for line in self.log(function, began) if line.startswith("{")]

    def log(self, function, since_ms=0):
        """What a function has logged."""
        logs = self.cloud.client("logs")
        found = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.functions[function]}", startTime=since_ms
        )
        try:
            return [event["message"] for page in found for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:  # it was not called yet
            return []

    def described(self, file):
        """Write what the tests of the client libraries need to know; the file."""
        known = {"url": self.url, "key": self.key, "environment": self.environment}
        file.write_text(json.dumps(known))
        return file
