"""The ban on sockets in tests/conftest.py holds."""

import socket

import pytest


@pytest.mark.parametrize("host", ["203.0.113.1", "127.0.0.1", "::1"])
def test_a_connection_is_refused(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with socket.socket(family) as sock, pytest.raises(AssertionError, match="may not reach"):
        sock.connect((host, 9))


@pytest.mark.parametrize("look_up", [lambda name: socket.getaddrinfo(name, 80), socket.gethostbyname])
def test_a_look_up_is_refused(look_up):
    with pytest.raises(AssertionError, match="may not reach"):
        look_up("example.invalid")


def test_a_datagram_is_refused():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(AssertionError, match="may not reach"),
    ):
        sock.sendmsg([b""], [], 0, ("203.0.113.1", 9))
