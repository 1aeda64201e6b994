"""The app as a WSGI server would have it, so that tools which speak HTTP can drive it without a socket."""

from http import HTTPStatus
from urllib.parse import quote


def wsgi(world):
    """A WSGI application over a functional world."""

    def application(environ, start_response):
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        query = environ.get("QUERY_STRING")
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or None
        answer = world.call(environ["REQUEST_METHOD"], f"{path}?{query}" if query else path, body, headers=headers)
        phrase = HTTPStatus(answer.status).phrase
        start_response(f"{answer.status} {phrase}", list(answer.headers.items()))
        return [answer.body]

    return application
