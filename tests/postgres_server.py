"""A real PostgreSQL of our own on loopback, in a temporary folder, ended with the tests."""

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import psycopg

from tests.ports import free_port

START_DEADLINE_S = 90


class PostgresServer:
    """A server that can be ended and started again with what it holds, always at the same address."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"postgresql+psycopg://debrief@127.0.0.1:{self._port}/postgres"
        """Of its maintenance database, for SQLAlchemy."""
        self._folder = Path(tempfile.mkdtemp(prefix="debrief-postgres-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self._folder, _user())  # PostgreSQL refuses to run as root
        initdb = [_program("initdb"), "-D", self._data, "-U", "debrief", "-A", "trust", "-N"]
        with (self._folder / "log").open("wb") as log:
            subprocess.run(initdb, check=True, **self._as_user(log))
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [_program("postgres"), "-D", self._data, "-h", "127.0.0.1", "-p", str(self._port)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, "-k", self._folder, "-F"], **self._as_user(log))
        _wait_until_up(self._port, self._process, self._folder / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends the sessions, then itself; SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def _as_user(self, log: IO[bytes]) -> dict[str, Any]:
        return {"stdout": log, "stderr": log, "cwd": self._folder} | ({"user": _user()} if os.geteuid() == 0 else {})


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running server; gives the SQLAlchemy URL of its maintenance database."""
    with PostgresServer() as server:
        yield server.url


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
