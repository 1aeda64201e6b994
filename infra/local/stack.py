"""The deployment's own template, created in the emulator, and updated there when it has changed."""

import hashlib
import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from infra.local.emulator import CHECKPOINT_PATH, MARK_PATH
from infra.local.environment import REGION
from infra.local.faults import CannotRun

TEMPLATE: Final = Path(__file__).parents[1] / "data.yaml"
STAGE: Final = "local"
_NAME: Final = "tidegate-local"
_PATIENCE_S: Final = 60.0


class Stack:
    """The stack in the emulator at `port`; the emulator's mark says which template it was made from."""

    def __init__(self, port: int, pause: Callable[[float], None]) -> None:
        self._port = port
        self._pause = pause

    def apply(self, template: Path = TEMPLATE) -> None:
        """Return when tables and queues are as `template` says, and so saved that a kill cannot undo it."""
        body = template.read_text()
        mark = hashlib.sha256(body.encode()).hexdigest()
        if self._ask("GET", MARK_PATH) == mark:
            return
        from botocore.exceptions import BotoCoreError

        cloudformation = self._client("cloudformation")
        try:
            self._submit(cloudformation, body)
            self._await_completion(cloudformation)
            self._expire_items()
        except BotoCoreError as fault:
            raise CannotRun(f"the emulator does not answer: {fault}") from fault
        self._ask("POST", f"{CHECKPOINT_PATH}?mark={mark}")

    def _submit(self, cloudformation: Any, body: str) -> None:
        from botocore.exceptions import ClientError

        wanted = {
            "StackName": _NAME,
            "TemplateBody": body,
            "Parameters": [{"ParameterKey": "Stage", "ParameterValue": STAGE}],
        }
        try:
            if self._status(cloudformation)[0]:
                cloudformation.update_stack(**wanted)
            else:
                cloudformation.create_stack(**wanted)
        except ClientError as fault:
            if "No updates" not in str(fault):
                raise CannotRun(f"the emulator refuses infra/data.yaml: {fault}") from fault

    def _status(self, cloudformation: Any) -> tuple[str, str]:
        from botocore.exceptions import ClientError

        try:
            stack = cloudformation.describe_stacks(StackName=_NAME)["Stacks"][0]
        except ClientError:
            return "", ""
        return stack["StackStatus"], stack.get("StackStatusReason", "no reason given")

    def _await_completion(self, cloudformation: Any) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            status, reason = self._status(cloudformation)
            if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                return
            if "ROLLBACK" in status or "FAILED" in status or time.monotonic() > deadline:
                raise CannotRun(f"the emulator could not apply infra/data.yaml ({status}): {reason}")
            self._pause(0.02)

    def _expire_items(self) -> None:
        """Do what the emulator's CloudFormation leaves out of `TimeToLiveSpecification`."""
        dynamodb = self._client("dynamodb")
        for table in dynamodb.list_tables()["TableNames"]:
            known = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
            if known["TimeToLiveStatus"] != "ENABLED":
                dynamodb.update_time_to_live(
                    TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
                )

    def _client(self, service: str) -> Any:
        import boto3

        session = boto3.session.Session("test", "test", region_name=REGION)
        return session.client(service, endpoint_url=f"http://127.0.0.1:{self._port}")  # type: ignore[call-overload]

    def _ask(self, method: str, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read().decode()
        except OSError as fault:
            raise CannotRun(f"the emulator does not answer: {fault}") from fault
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise CannotRun(f"the emulator could not save its state ({answer.status}): is the disk full?")
        return body
