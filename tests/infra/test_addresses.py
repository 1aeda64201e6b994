"""What functions learn of their stage's own APIs: no more than an operator leaves unsaid."""

from chalicelib import settings
from infra.addresses import CONNECT, told
from infra.stages import API

HOSTS = {"rest": "a1.execute-api.us-east-1.amazonaws.com", "sockets": "b2.execute-api.us-east-1.amazonaws.com"}
SOCKET_URL, ORIGIN = f"wss://{HOSTS['sockets']}/api", f"https://{HOSTS['rest']}"


def test_the_page_is_told_of_the_socket_and_the_socket_of_the_page():
    assert told({}, **HOSTS) == {API: {"TIDEGATE_SOCKET_URL": SOCKET_URL}, CONNECT: {"TIDEGATE_ORIGINS": ORIGIN}}


def test_other_origins_stay_beside_the_pages_own():
    everywhere = {"TIDEGATE_ORIGINS": "https://chat.example.com,none"}

    found = told({API: everywhere, CONNECT: everywhere}, **HOSTS)

    assert settings.origins_of(found[CONNECT]["TIDEGATE_ORIGINS"]) == {"https://chat.example.com", "none", ORIGIN}


def test_the_address_that_an_operator_gives_the_socket_stays_even_where_it_is_none():
    for named in ("wss://sockets.example.com", ""):
        assert API not in told({API: {"TIDEGATE_SOCKET_URL": named}}, **HOSTS)


def test_settings_take_what_is_told():
    for variables in told({}, **HOSTS).values():
        settings.read(variables)
