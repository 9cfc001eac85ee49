#!/usr/bin/env python3
"""A timestamp authority for trying things out: it proves nothing, because whoever runs it sets its clock.

    python3 throw-away-tsa.py FOLDER [MINUTES]

Makes a root certificate (FOLDER/ca.pem) and a key that stamps, with openssl, and answers requests of RFC 3161 on a free port of
127.0.0.1 for MINUTES (10 unless said). FOLDER/url holds its address as soon as it listens. Needs Python 3 and openssl only.
"""
import http.server
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = throw-away
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[stamps]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
[authority]
serial = ./serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make(folder):
    folder.mkdir(mode=0o700, parents=True)
    (folder / "openssl.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    new = ["-newkey", "rsa:2048", "-nodes", "-config", "openssl.cnf"]
    openssl(folder, "req", "-x509", *new, "-extensions", "root", "-days", "30", "-subj", "/CN=Throw-away root", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", *new, "-subj", "/CN=Throw-away stamps", "-keyout", "stamps.key", "-out", "stamps.csr")
    openssl(folder, "x509", "-req", "-in", "stamps.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "openssl.cnf", "-extensions", "stamps", "-out", "stamps.pem")


class Answers(http.server.BaseHTTPRequestHandler):
    folder = pathlib.Path()

    def do_POST(self):
        query = self.rfile.read(int(self.headers.get("content-length", "0")))
        with tempfile.TemporaryDirectory() as there:
            request, reply = os.path.join(there, "request"), os.path.join(there, "reply")
            pathlib.Path(request).write_bytes(query)
            openssl(self.folder, "ts", "-reply", "-config", "openssl.cnf", "-section", "authority", "-signer", "stamps.pem",
                    "-inkey", "stamps.key", "-queryfile", request, "-out", reply)
            answer = pathlib.Path(reply).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]).absolute()
    make(folder)
    Answers.folder = folder
    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Timer(60 * float(sys.argv[2] if len(sys.argv) == 3 else 10), server.shutdown).start()
    ready = folder / "url.new"
    ready.write_text(f"http://127.0.0.1:{server.server_port}/\n")
    ready.rename(folder / "url")
    server.serve_forever()


if __name__ == "__main__":
    main()
