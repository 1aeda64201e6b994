"""The web pages, for anybody: what they show, they ask the API for, with the key of whoever looks."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import socket_url
from chalicelib.edge import pages
from chalicelib.edge.call import Call
from chalicelib.edge.problems import answered

views = Blueprint(__name__)


@views.route("/", methods=["GET"], content_types=[])
@answered
def show_chat(call: Call) -> Response:
    return pages.page_response(call, "chat.html", socket_url())


@views.route("/usage", methods=["GET"], content_types=[])
@answered
def show_usage(call: Call) -> Response:
    return pages.page_response(call, "usage.html", socket_url())


@views.route("/assets/{revision}/{name}", methods=["GET"], content_types=[])
@answered
def show_asset(_: Call, revision: str, name: str) -> Response:
    return pages.asset_response(revision, name)
