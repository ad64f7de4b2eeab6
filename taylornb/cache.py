"""What is kept of compiled code from one process to the next, where, and when may it be believed?"""

from __future__ import annotations

import os
import platform
import stat
import struct
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from importlib import import_module, metadata
from re import compile as pattern
from threading import Lock
from typing import NamedTuple

from platformdirs import user_cache_dir

from .version import __version__

LIMIT = 512 << 20  # bytes of all files together
SCAN = 16  # a process adds LIMIT / SCAN at most before it measures the directory again, which takes 10 µs a file
DAY = 86_400  # seconds; a file that was used within them is not marked as used again, so that few loads write
HOUR = 3_600  # seconds; no file is under construction for longer

VARIABLE, OFF = "TAYLORNB_CACHE_DIR", "off"
REMEDY = f"set {VARIABLE} to a directory of your own, or to {OFF}"
SUFFIX = ".taylornb"
OWN = pattern(r"[0-9a-f]{64}\.taylornb(\.[0-9a-f]{16})?")  # the second part is there while the file is written
HEADER = struct.Struct("<16sQ32s")  # the magic number, the length of the data, the hash of key and data
MAGIC = b"taylornb code 1\n"

Files = list[tuple[str, os.stat_result]]


class CacheInfo(NamedTuple):
    """The state of the cache of compiled code.

    Attributes:
        directory: Where it is; None if it is turned off.
        files: How many there are in it.
        bytes: Their length together.
        hits: How often this process found what it looked for.
        misses: How often it did not.
        off: Why the cache is not used; None if it is.
    """

    directory: str | None
    files: int
    bytes: int
    hits: int
    misses: int
    off: str | None


def key(*parts: str) -> str:
    """The name of what these parts and the versions of all that compiles determine, as hexadecimal digits.

    Args:
        *parts: All else that the compiled code depends on, such as its source and the features of the processor.
    """
    digest = sha256()
    for part in (*_versions(), *parts):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)  # with lengths, ("ab", "c") is not ("a", "bc")
    return digest.hexdigest()


def load(key: str) -> bytes | None:
    """The data that were saved under a key; None where there are none that can be believed.

    Warns:
        RuntimeWarning: Once, where others than the user can write what would be read.
    """
    data = _found(key)
    _process.count(data is not None)
    return data


def save(key: str, data: bytes) -> None:
    """Keep data under a key, if the cache is on and has a place for them.

    Warns:
        RuntimeWarning: Once for a directory that cannot be used and once for a write that fails.
    """
    directory = _directory()
    if directory is None or len(data) > LIMIT or not _usable(directory, make=True):
        return
    path = _path(directory, key)
    try:
        _write(path, _header(key, data) + data)
    except OSError as error:
        if not os.path.isfile(path):  # else another process has saved the same, and on Windows reads it
            reason = error.strerror or error
            _warn(f"taylornb could not save compiled code in {directory} and goes on without: {reason}; make room or {REMEDY}")
    else:
        _bound(directory, len(data) + HEADER.size)


def cache_info() -> CacheInfo:
    """Where compiled code is kept on disk, how much of it there is, and how often it was of use to this process.

    Examples:
        >>> import taylornb as tn
        >>> tn.cache_info()  # doctest: +ELLIPSIS
        CacheInfo(directory=..., files=..., bytes=..., hits=..., misses=..., off=...)
    """
    directory = _directory()
    files = _files(directory)
    off = f"{VARIABLE} is {OFF}" if directory is None else _fault(directory)
    return CacheInfo(directory, len(files), _total(files), _process.hits, _process.misses, off)


def clear_cache() -> int:
    """Remove the compiled code that is kept on disk; how many files that were.

    Files of other programs in the directory stay, and so does what cannot be removed.
    """
    return sum(_removed(path) for path, _ in _files(_directory()))


# ---- names -------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _versions() -> tuple[str, ...]:
    packages = [_version(name) for name in ("numba", "llvmlite", "numpy")]
    return (__version__, *packages, str(sys.implementation.cache_tag), platform.machine())


def _version(package: str) -> str:
    """As its metadata say: that takes 1 ms, and importing Numba 300."""
    with suppress(metadata.PackageNotFoundError):  # as in an application frozen into one file
        return metadata.version(package)
    return str(import_module(package).__version__)


def _directory() -> str | None:
    """The directory as the environment has it now; None for no cache."""
    named = os.environ.get(VARIABLE, "")
    if named == OFF:
        return None
    return os.path.expanduser(named) if named else user_cache_dir("taylornb", appauthor=False)


def _path(directory: str, key: str) -> str:
    return os.path.join(directory, key + SUFFIX)


# ---- what can be believed: the data are machine code, so who can write them can do what the user can ---------


def _usable(directory: str, make: bool = False) -> bool:
    fault = _fault(directory, make)
    if fault:
        _warn(f"taylornb keeps no compiled code in {directory}: {fault}; {REMEDY}")
    return not fault


def _fault(directory: str, make: bool = False) -> str | None:
    """Why a directory cannot be used; one that can be made is none."""
    if not os.path.isabs(directory):  # as the default is where the home directory is not known
        return "it is not an absolute path"
    try:
        if make:
            with suppress(FileExistsError):
                os.makedirs(directory, mode=0o700)
        found = os.stat(directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return _shared(found) if stat.S_ISDIR(found.st_mode) else "it is not a directory"


def _shared(found: os.stat_result) -> str | None:
    """How others than the user can write to a file or directory. Not asked on Windows, which has no such modes."""
    if os.name == "nt":
        return None
    if found.st_uid != os.geteuid():
        return f"it belongs to user {found.st_uid}, and user {os.geteuid()} is running this"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write to it, its mode being {stat.filemode(found.st_mode)}; chmod go-w would take that from them"
    return None


def _header(key: str, data: bytes) -> bytes:
    """What a file starts with; the key is in the hash, so that a file under another name is not believed."""
    return HEADER.pack(MAGIC, len(data), sha256(key.encode() + data).digest())


# ---- reading and writing -----------------------------------------------------------------------------


def _found(key: str) -> bytes | None:
    directory = _directory()
    if directory is None or not _usable(directory):
        return None
    return _read(_path(directory, key), key)


def _read(path: str, key: str) -> bytes | None:
    """The data of a file, or None; a file that cannot be believed goes."""
    try:
        with open(path, "rb", opener=_opened) as file:
            found = os.fstat(file.fileno())  # of what is open, which nobody can replace by now
            fault = _shared(found)
            content = b"" if fault or not stat.S_ISREG(found.st_mode) else file.read()
    except OSError:  # most often there is none
        return None
    if fault:
        _warn(f"taylornb does not believe compiled code in {os.path.dirname(path)} and compiles anew: {fault}; {REMEDY}")
    data = content[HEADER.size :]
    if content[: HEADER.size] != _header(key, data):
        _removed(path)
        return None
    _mark(path, found)
    return data


def _opened(path: str, flags: int) -> int:
    """A descriptor of the file itself: no link is followed, and a pipe is not waited for."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), mode=0o600)


def _write(path: str, content: bytes) -> None:
    """The whole file or nothing: others see the former one or this one, and what failed goes."""
    temporary = f"{path}.{os.urandom(8).hex()}"
    try:
        with open(temporary, "xb", opener=_opened) as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        _removed(temporary)
        raise


def _mark(path: str, found: os.stat_result) -> None:
    """Note that a file was used, for `_bound`."""
    if time.time() - found.st_mtime > DAY:
        with suppress(OSError):  # on a read-only disk nothing has to make room either
            os.utime(path)


def _removed(path: str) -> bool:
    with suppress(OSError):
        os.unlink(path)
        return True
    return False


# ---- how much there is -------------------------------------------------------------------------------


def _bound(directory: str, written: int) -> None:
    """Remove what was used longest ago if there is more than LIMIT, a quarter at once since looking takes time."""
    if not _process.spent(directory, written):
        return
    files = sorted(_files(directory), key=lambda file: file[1].st_mtime)
    total = _total(files)
    goal = LIMIT if total <= LIMIT else LIMIT * 3 // 4
    for path, found in files:
        if total <= goal:
            break
        _removed(path)
        total -= found.st_size
    _process.allow(directory, min(LIMIT - total, LIMIT // SCAN))


def _files(directory: str | None) -> Files:
    """The cache's own files; one under construction is not among them until it must have been abandoned."""
    if directory is None:
        return []
    with suppress(OSError), os.scandir(directory) as entries:
        return list(_own(entries))
    return []


def _own(entries: Iterator[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in entries:
        if match := OWN.fullmatch(entry.name):
            with suppress(OSError):  # another process may have removed it
                found = entry.stat(follow_symlinks=False)
                if not match[1] or time.time() - found.st_mtime > HOUR:
                    yield entry.path, found


def _total(files: Files) -> int:
    return sum(found.st_size for _, found in files)


# ---- what a process remembers ------------------------------------------------------------------------


class _Process:
    """Counts, warnings given, and how much may be written before a directory is measured again.

    It changes, as nothing else at the level of a module does, because these are properties of a process.
    """

    def __init__(self) -> None:
        self.warned: set[str] = set()
        self.allowed: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        """Start to count, also in a forked child, where the lock may have been copied while it was held."""
        self.lock = Lock()
        self.hits = self.misses = 0

    def count(self, hit: bool) -> None:
        with self.lock:
            self.hits += hit
            self.misses += not hit

    def first(self, text: str) -> bool:
        with self.lock:
            new = text not in self.warned
            self.warned.add(text)
            return new

    def spent(self, directory: str, written: int) -> bool:
        with self.lock:
            self.allowed[directory] = self.allowed.get(directory, 0) - written
            return self.allowed[directory] < 0

    def allow(self, directory: str, amount: int) -> None:
        with self.lock:
            self.allowed[directory] = amount


_process = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.restart)


def _warn(text: str) -> None:
    if _process.first(text):
        warnings.warn(text, RuntimeWarning, stacklevel=2)
