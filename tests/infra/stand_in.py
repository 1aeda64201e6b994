"""A product of a few views, so that what runs it is tested without it: `python -m tests.infra.stand_in`."""

import os
import sys
import threading
import time
from pathlib import Path

from chalicelib.edge.gateway import Gateway, StreamedResponse


def pieces(query):
    try:
        for number in range(int(query.get("count", 3))):
            yield f"data: {number}\n\n".encode()
            time.sleep(float(query.get("pause", 0)))
    finally:
        if "note" in query:
            Path(query["note"]).write_text("settled by " + threading.current_thread().name.split("_")[0])


if "STAND_IN_FAULT" in os.environ and __name__ != "__main__":
    raise ValueError(os.environ["STAND_IN_FAULT"])

app = Gateway("stand-in")
asked = []


@app.route("/health")
def health():
    return {"status": "ok"}


@app.route("/v1/models")
def models():
    return {"data": [{"id": "stand-in"}]}


@app.route("/admin/cache")
def cache():
    asked.append(app.current_request.headers["authorization"])
    return {}


@app.route("/asked")
def asked_ahead():
    return {"with": asked}


@app.route("/stream")
def stream():
    return StreamedResponse(pieces(app.current_request.query_params or {}), {})


@app.route("/echo/{name}", methods=["GET", "POST"])
def echo(name):
    return {"name": name, "event": app.current_request.to_dict()}


@app.route("/notes/{name}", methods=["GET", "PUT"])
def note(name):
    import boto3

    table = boto3.resource("dynamodb").Table("tidegate-local-access")
    if app.current_request.method == "PUT":
        table.put_item(Item={"pk": name, "text": app.current_request.json_body["text"]})
    return {"text": table.get_item(Key={"pk": name}).get("Item", {}).get("text")}


def seed(environment, workspace):
    from infra.local.workspace import write_private

    write_private(workspace.api_key, "stand-in-key")
    write_private(workspace.admin_key, "stand-in-admin-key")


if __name__ == "__main__":
    from infra.local.supervisor import main

    sys.exit(main(app="tests.infra.stand_in:app", load_seed=lambda: seed))
