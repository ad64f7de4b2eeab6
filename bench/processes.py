"""Objects that live in processes of their own: pinned to cores, and stopped when they take too long."""

from __future__ import annotations

import contextlib
import os
import signal
import traceback
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

_starting = Lock()  # one process at a time: the environment is the whole program's


class RemoteError(Exception):
    """What a process could not do, and why."""


class Remote:
    """An object in a fresh process.

    Args:
        target: "module:Class", which is made there without arguments.
        cores: The cores the process may use; all, if there are none.
        environment: What else it finds in its environment.
    """

    def __init__(self, target: str, cores: Sequence[int] = (), environment: Mapping[str, str] | None = None) -> None:
        self._how = (target, cores, environment or {})
        self._process, self._connection = _started(*self._how)

    def ask(self, method: str, *args: Any, timeout: float | None = None) -> Any:
        """What the method returns; a process that takes longer than `timeout` seconds, or dies, is replaced.

        Raises:
            RemoteError: Where it raises, takes too long or dies.
        """
        try:
            self._connection.send((method, args))
            if not self._connection.poll(timeout):
                raise RemoteError(f"took longer than {timeout:g} s")
            good, answer = self._connection.recv()
        except (EOFError, OSError):
            self._replace()
            raise RemoteError("the process died") from None
        except RemoteError:
            self._replace()
            raise
        if not good:
            raise RemoteError(answer)
        return answer

    def stop(self) -> None:
        """End the process and those that it started."""
        self._connection.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.join()

    def _replace(self) -> None:
        self.stop()
        self._process, self._connection = _started(*self._how)


def _started(target: str, cores: Sequence[int], environment: Mapping[str, str]) -> tuple[Any, Connection]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(target, theirs), daemon=False)
    with _inherited(cores, environment):
        process.start()
    theirs.close()
    return process, ours


@contextlib.contextmanager
def _inherited(cores: Sequence[int], environment: Mapping[str, str]) -> Iterator[None]:
    """Give a child its cores and environment, by having them while it starts."""
    with _starting:
        before = {name: os.environ.get(name) for name in environment}
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        os.environ.update(environment)
        if cores and allowed:
            os.sched_setaffinity(0, cores)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
            if cores and allowed:
                os.sched_setaffinity(0, allowed)


def _serve(target: str, connection: Connection) -> None:
    os.setsid()  # a group of its own, so that its children end with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    where, name = target.split(":")
    server = getattr(import_module(where), name)()
    while True:
        try:
            method, args = connection.recv()
        except EOFError:
            return
        try:
            answer = (True, getattr(server, method)(*args))
        except Exception as error:
            answer = (False, _described(error))
        try:
            connection.send(answer)
        except BrokenPipeError:  # who asked is gone
            return


def _described(error: Exception) -> str:
    """The reason that an error gives, or else what it is and where."""
    if reason := getattr(error, "reason", ""):
        return str(reason)
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text} ({os.path.basename(place.filename)}:{place.lineno})"
