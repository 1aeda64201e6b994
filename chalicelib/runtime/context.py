"""What a function is told about its invocation, under the names that AWS's own runtime has for it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any


class Context:
    """The `context` of a handler."""

    def __init__(self, told: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        """`told` are the headers of the invocation; the rest is in the environment, where Lambda puts it."""
        self.aws_request_id = told["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = told.get("lambda-runtime-invoked-function-arn", "")
        self.client_context = _decoded(told.get("lambda-runtime-client-context"))
        self.identity = _decoded(told.get("lambda-runtime-cognito-identity"))
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._ends_at_ms = int(told["lambda-runtime-deadline-ms"])
        self._clock = clock

    def get_remaining_time_in_millis(self) -> int:
        """How long until Lambda ends the function, whatever it is doing."""
        return max(0, self._ends_at_ms - int(self._clock() * 1000))


def _decoded(text: str | None) -> Any:
    """What a caller of the Lambda API sent along; API Gateway sends nothing."""
    return json.loads(text) if text else None
