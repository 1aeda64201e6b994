"""What the tests and each Python process that they start are held to: this machine, and nothing else.

With this folder in PYTHONPATH the interpreter begins with it. What is tried all the same does not come about, and is
noted in the file that TESTS_EGRESS names, whatever becomes of the refusal. Installers are left out: they have to fetch.
"""

import errno
import os
import sys

NOTES = "TESTS_EGRESS"
NAMED = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
HERE = {"", "localhost", "127.0.0.1", "::1"}


def is_local(host):
    """Whether a host is this machine."""
    if host in HERE:
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def target(event, args):
    """The host that an audited call of a socket is for; None where it stays inside this machine's kernel."""
    if event in NAMED:
        host = args[0]
        return host.decode() if isinstance(host, bytes) else host or "localhost"
    if event in ADDRESSED and isinstance(args[-1], tuple) and isinstance(args[-1][0], str):
        return args[-1][0]
    return None


def watch(notes):
    """Refuse, from here on and for good, as a machine without a network does."""

    def note(*words):
        with open(notes, "a", encoding="utf-8") as file:  # noqa: PTH123 - each process begins with this: no more imports
            file.write(" ".join(words) + "\n")

    def refuse(event, args):
        host = target(event, args)
        if host is not None and not is_local(host):
            note("refused", repr(host), *sys.orig_argv[1:4])
            raise OSError(errno.ENETUNREACH, f"this process may not reach {host!r}")

    note("watched", *sys.orig_argv[1:4])
    sys.addaudithook(refuse)


if __name__ == "sitecustomize" and NOTES in os.environ and not any("pip" in word for word in sys.orig_argv[1:3]):
    watch(os.environ[NOTES])
