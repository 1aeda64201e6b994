"""The ban on sockets in tests/conftest.py holds."""

import socket

import pytest


@pytest.mark.parametrize("host", ["203.0.113.1", "127.0.0.1", "::1"])
def test_a_connection_is_refused(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with socket.socket(family) as sock, pytest.raises(AssertionError, match="may not reach"):
        sock.connect((host, 9))


def test_a_look_up_is_refused():
    with pytest.raises(AssertionError, match="may not reach"):
        socket.getaddrinfo("example.invalid", 80)
