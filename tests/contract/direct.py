"""The adapters over an engine as the product reaches it: directly, with botocore's client for what goes wrong."""

from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

from botocore.exceptions import BotoCoreError, ReadTimeoutError

from chalicelib.adapters.dynamodb.direct import OPERATIONS
from tests.contract.stores import DynamoStores


class DirectStores(DynamoStores):
    """The same faults, where botocore has no events for them."""

    def __init__(self, stage, **made_of):
        super().__init__(stage, **made_of)
        self.database._is_direct, self.database._client = True, None

    @contextmanager
    def hook(self, event, operations, handler):
        way = self._doubting if event == "needs-retry" else self._around
        with way(event, operations, handler):
            yield

    @contextmanager
    def _around(self, event, operations, handler):
        """`before-call` and `after-call`, of answers and refusals alike."""
        send = self.database._send

        def hooked(operation, request):
            mine = OPERATIONS[operation] in operations
            if mine and event == "before-call":
                handler()
            answered = True
            try:
                return send(operation, request)
            except BotoCoreError:
                answered = False
                raise
            finally:
                if mine and answered and event == "after-call":
                    handler()

        self.database._send = hooked
        try:
            yield
        finally:
            self.database._send = send

    @contextmanager
    def _doubting(self, event, operations, handler):
        """A reply is lost wherever the handler wants the request sent again."""
        direct = self.database._reach()
        client, http = direct._open(), direct.http

        def send(request):
            answer = http.send(request)
            target = str(request.headers["x-amz-target"])
            if any(name in target for name in operations) and handler() is not None:
                raise ReadTimeoutError(endpoint_url=request.url)
            return answer

        def at_once(caught_exception, **_):
            return 0 if isinstance(caught_exception, ReadTimeoutError) else None

        direct.http = client._endpoint.http_session = SimpleNamespace(send=send)
        client.meta.events.register_first(f"{event}.dynamodb", at_once)
        try:
            yield
        finally:
            client.meta.events.unregister(f"{event}.dynamodb", at_once)
            direct.http = client._endpoint.http_session = http

    @contextmanager
    def counted(self):
        calls, send = Counter(), self.database._send

        def counting(operation, request):
            calls[OPERATIONS[operation]] += 1
            return send(operation, request)

        self.database._send = counting
        yield calls
        self.database._send = send
