"""A real PostgreSQL of our own on loopback, in a temporary folder, ended with the tests."""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_DEADLINE_S = 30


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running server; gives the SQLAlchemy URL of its maintenance database."""
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="debrief-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)  # PostgreSQL refuses to run as root
    log = (folder / "log").open("wb")
    data = folder / "data"
    as_user = {"user": user, "cwd": folder, "stdout": log, "stderr": log} if os.geteuid() == 0 else {"stdout": log}
    port = _free_port()
    subprocess.run([_program("initdb"), "-D", data, "-U", "debrief", "-A", "trust", "-N"], check=True, **as_user)
    server = subprocess.Popen(
        [_program("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"], **as_user
    )
    try:
        _wait_until_up(port, server, folder / "log")
        yield f"postgresql+psycopg://debrief@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # ends the sessions, then itself
        server.wait(10)
        log.close()
        shutil.rmtree(folder)


def run_sql(url: str, statement: str) -> None:
    """Run one statement outside a transaction, such as CREATE DATABASE."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def _user() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _program(name: str) -> str:
    """The newest one that Debian has, or the one on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        raise FileNotFoundError("PostgreSQL's programs are missing: apt-get install -y postgresql")
    return program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(port: int, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="debrief", dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text("utf-8", "replace")) from None
            time.sleep(0.05)
        else:
            return
