"""A tenant's server on 127.0.0.1, in the clear or over TLS, that keeps what it was sent and answers to order."""

import datetime as dt
import socket
import ssl
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
DRIP_SECONDS = 0.02
DRIPS = 200  # then it gives up: a client that never leaves is a failed test, not a hanging one


def status(code, *headers, body=b""):
    """The bytes of an answer."""
    lines = (f"HTTP/1.1 {code} Said", f"content-length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


@dataclass(frozen=True)
class Sent:
    """One request."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`replies` are sent one to a connection, then `always`; `drip` goes on until the client leaves."""

    replies: deque = field(default_factory=deque)
    always: bytes = OK
    drip: bytes = b""
    context: ssl.SSLContext | None = None
    requests: list[Sent] = field(default_factory=list)
    connections: int = 0

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._over = threading.Event()
        self._threads = []
        self._accept = threading.Thread(target=self._listen)
        self._accept.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in (self._accept, *self._threads):
            thread.join(10)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def _listen(self):
        while not self._over.is_set():
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line):
        line.settimeout(10)
        with suppress(OSError):
            secured = self.context.wrap_socket(line, server_side=True) if self.context else line
            with secured:
                self._answer(secured)
        line.close()

    def _answer(self, line):
        stream = line.makefile("rb")
        first = stream.readline().decode().strip()
        headers = {}
        while text := stream.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        self.requests.append(Sent(first, headers, stream.read(int(headers.get("content-length", 0)))))
        line.sendall(self.replies.popleft() if self.replies else self.always)
        for _ in range(DRIPS if self.drip else 0):
            if self._over.wait(DRIP_SECONDS):
                return
            line.sendall(self.drip)


def certificate(path, name):
    """A server's context with a certificate for `name`, which is written to `path` for whoever is to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
