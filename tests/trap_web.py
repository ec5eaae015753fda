"""A web server on loopback that answers as it is told, and keeps a log of all that it was asked.

It is plain sockets, so that it can send what no web server would.
"""

import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class TrapWeb:
    """`answers` gives each path its bytes, or a function (send, pause) that sends them.

    `send` returns after each piece and `pause` waits 0.02 s; both raise OSError once the other
    side has gone or the test is over. `log` holds the request lines, `heads` the whole heads.
    """

    def __init__(self, answers, *, tls=None, address="127.0.0.1"):
        self.answers, self.tls = answers, tls
        self.log, self.heads = [], []
        self.over = threading.Event()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listening = socket.create_server((address, 0), family=family)
        self.port = self.listening.getsockname()[1]
        self.threads = [threading.Thread(target=self.listen)]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listening.close()

    def listen(self):
        while not self.over.is_set():
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self.answer, args=(sock,)))
            self.threads[-1].start()

    def answer(self, sock):
        try:
            sock.settimeout(5)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as lines:
                head = [
                    line.decode("latin-1").rstrip("\r\n") for line in iter(lines.readline, b"\r\n")
                ]
                self.log.append(head[0])
                self.heads.append(head)
                answer = self.answers[head[0].split()[1]]
                if isinstance(answer, bytes):
                    sock.sendall(answer)
                else:
                    answer(sock.sendall, self.pause)
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1)  # until the other side has read what it wants
        except (OSError, IndexError):
            sock.close()

    def pause(self):
        if self.over.wait(0.02):
            raise ConnectionAbortedError("the test is over")


def answer(body=b"", *headers, status="200 OK", length=True):
    """A well-formed response."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def redirect(to, status="302 Found"):
    return answer(b"", f"Location: {to}", status=status)


def zipped(body, *headers):
    return answer(gzip.compress(body, mtime=0), "Content-Encoding: gzip", *headers)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for `name` and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def server_tls(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
