"""What nothing can take less than: `python -m benchmarks.peers.floor`, the calls of a miss and no more.

No key is looked at, nothing is counted, found or decided: a request comes in over HTTP, a thread makes four calls to
DynamoDB, as large as a miss's own and by the product's own short way, and one to the model, and the answer goes out.
"""

import argparse
import asyncio
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import uvicorn
from botocore.session import Session

from benchmarks.peers.upstream import HOST
from chalicelib.adapters.dynamodb.direct import Direct
from chalicelib.adapters.dynamodb.reach import place
from chalicelib.adapters.models.asking import ask
from infra.local.bridge import Receive, Scope, Send

TABLE: Final = "tidegate-local-ledger"
_THREADS: Final = 128
_READ: Final = 8
_COUNTERS: Final = 4
_ENTRY: Final = "x" * 1_800
_TYPE: Final = {"Content-Type": "application/json"}
_PATIENCE_S: Final = 60.0
_LARGEST: Final = 2**20


class Floor:
    """The ASGI app in front of the model at `url`."""

    def __init__(self, url: str) -> None:
        session = Session()
        self._url = f"{url}/chat/completions"
        self._database = Direct(session, place(session, None, None), lambda: None, time.time)
        self._threads = ThreadPoolExecutor(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        body = (await receive())["body"]
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._turn, body)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _turn(self, body: bytes) -> bytes:
        name = uuid.uuid4().hex
        keys = [_key(name, str(number)) for number in range(_READ)]
        self._database.send("batch_get_item", {"RequestItems": {TABLE: {"Keys": keys}}})
        self._charge(name)
        asked = json.dumps({**json.loads(body), "model": "bench"}).encode()
        response = ask(self._url, asked, _TYPE, seconds=_PATIENCE_S, connect=_PATIENCE_S)
        answer = response.read(_LARGEST)
        response.close()
        self._charge(name)
        self._database.send("put_item", {"TableName": TABLE, "Item": {**_key(name, "entry"), "text": {"S": _ENTRY}}})
        return json.dumps(json.loads(answer)).encode()

    def _charge(self, name: str) -> None:
        changes = [
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": _key(name, str(number)),
                    "UpdateExpression": "ADD tokens :tokens, turns :one",
                    "ExpressionAttributeValues": {":tokens": {"N": "100"}, ":one": {"N": "1"}},
                }
            }
            for number in range(_COUNTERS)
        ]
        self._database.send("transact_write_items", {"TransactItems": changes})


def _key(first: str, second: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"floor#{first}"}, "sk": {"S": second}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True, help="where the model is")
    asked = parser.parse_args()
    uvicorn.run(Floor(asked.model), host=HOST, port=asked.port, lifespan="off", log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
