"""What one user has that others may ask for by name, and names of the same form that nobody has."""

CHAT = "/v1/chat/completions"
LATER = {"prefer": "respond-async"}
USER = {"role": "user", "content": "Hi"}
OWNER = ("acme", "ada")
STRANGERS = [("acme", "bob"), ("mallory", "eve")]


def asked(**fields):
    return {"model": "nova-lite", "messages": [USER], "cache": {"no-cache": True}, **fields}


def made(world, key):
    """One object of each kind by the name of its part in a path, and the id of an answer."""

    def post(path, body, status=200, **options):
        answer = world.call("POST", path, body, key=key, **options)
        assert answer.status == status, answer.body
        return answer

    conversation = post("/v1/conversations", {"items": [USER]}).json["id"]
    items = world.call("GET", f"/v1/conversations/{conversation}/items", key=key).json["data"]
    return {
        "conversation_id": conversation,
        "item_id": items[0]["id"],
        "response_id": post("/v1/responses", {"model": "nova-lite", "input": "Hi", "store": True}).json["id"],
        "job_id": post(CHAT, asked(), 202, headers=LATER).json["id"],
        "answer": post(CHAT, asked()).json["id"],
    }


def unlike(name):
    """A name of the same form with other digits: as good as made at the same time, and nobody's."""
    kind, separator, digits = name.partition("_" if "_" in name else "-")
    return f"{kind}{separator}{digits[:-12]}{''.join('1' if each == '0' else '0' for each in digits[-12:])}"


def alike(theirs, nobodys, names):
    """Whether two answers are the same but for the names that were asked for and the ids of the calls."""
    return told(theirs, names) == told(nobodys, names)


def told(answer, names):
    text = answer.body.decode()
    for name in names:
        text = text.replace(name, "…")
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status, text, headers
