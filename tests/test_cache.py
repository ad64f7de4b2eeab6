"""Is compiled code that was kept on disk given back exactly, or not at all, whatever happens to the files?"""

import errno
import io
import itertools
import os
import random
import re
import stat
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from taylornb import cache
from taylornb.version import __version__

ROOT = Path(cache.__file__).parents[1]
A, B = cache.key("a"), cache.key("b")
DATA = random.Random(1).randbytes(20_000)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes and links")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A directory of the test's own that the cache has yet to make, and a process that remembers nothing."""
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", str(tmp_path / "cache"))
    restarted(monkeypatch)
    return tmp_path / "cache"


def restarted(monkeypatch):
    """From here on the process is as good as new."""
    monkeypatch.setattr(cache, "_process", cache._Process())


def only(place):
    """The one file there is."""
    (found,) = place.iterdir()
    return found


def process(code, *arguments, **options):
    """A Python process in which `cache` is imported."""
    text = f"import os, sys, time\nfrom taylornb import cache\n{code}"
    return subprocess.Popen([sys.executable, "-c", text, *arguments], cwd=ROOT, text=True, **options)


def age(path, seconds):
    """Make a file that much older."""
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - seconds))


def warning(function):
    """The text of the one warning that a function gives."""
    with pytest.warns(RuntimeWarning) as given:
        function()
    (text,) = [str(each.message) for each in given]
    return text


def tried():
    """Neither key is found, also after an attempt to save both."""
    for key in (A, B):
        assert cache.load(key) is None
        cache.save(key, DATA)
        assert cache.load(key) is None


# ---- what is kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [DATA, b"", b"\r\n\x1a\0", b"x" * (1 << 20)], ids=["code", "nothing", "text", "long"])
def test_what_is_saved_is_loaded(data):
    assert cache.load(A) is None
    cache.save(A, data)
    assert cache.load(A) == data
    assert cache.load(B) is None


def test_what_is_saved_again_replaces(place):
    cache.save(A, b"one")
    cache.save(A, b"other")
    assert cache.load(A) == b"other"
    assert only(place)


def test_another_process_finds_it(tmp_path):
    cache.save(A, DATA)
    found = process("sys.exit(cache.load(sys.argv[1]) != bytes.fromhex(sys.argv[2]))", A, DATA.hex())
    assert found.wait() == 0


def test_hits_and_misses_are_counted(place):
    cache.load(A)
    cache.save(A, DATA)
    cache.load(A)
    cache.load(A)
    size = cache.HEADER.size + len(DATA)
    assert cache.cache_info() == (str(place), 1, size, 2, 1, None)


def test_a_load_takes_well_below_a_millisecond():
    cache.save(A, DATA)
    times = [time.perf_counter()]
    for _ in range(50):
        cache.load(A)
        times.append(time.perf_counter())
    assert min(after - before for before, after in itertools.pairwise(times)) < 0.5e-3


# ---- keys ------------------------------------------------------------------------------------------------


def test_a_key_depends_on_every_part_and_where_it_ends():
    parts = [(), ("",), ("", ""), ("ab", "c"), ("a", "bc"), ("abc",), ("c", "ab"), ("ε",)]
    keys = [cache.key(*part) for part in parts]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)
    assert cache.key("ab", "c") == keys[3]


def test_a_key_is_the_same_in_another_process():
    assert process("print(cache.key('a'), end='')", stdout=subprocess.PIPE).communicate()[0] == A


@pytest.mark.parametrize("position", range(6))
def test_a_key_depends_on_each_version(monkeypatch, position):
    versions = list(cache._versions())
    versions[position] += "1"
    monkeypatch.setattr(cache, "_versions", lambda: tuple(versions))
    assert cache.key("a") != A


def test_the_versions():
    packages = [metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    assert cache._versions()[:5] == (__version__, *packages, sys.implementation.cache_tag)


def test_the_version_of_a_package_without_metadata(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    expected = metadata.version("numpy")
    monkeypatch.setattr(metadata, "version", missing)
    assert cache._version("numpy") == expected


# ---- where it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [None, ""])
def test_the_default_is_the_cache_directory_of_the_user(tmp_path, monkeypatch, named):
    monkeypatch.setattr(cache, "user_cache_dir", lambda name, appauthor: str(tmp_path / name))
    monkeypatch.delenv("TAYLORNB_CACHE_DIR")
    if named is not None:
        monkeypatch.setenv("TAYLORNB_CACHE_DIR", named)
    cache.save(A, DATA)
    assert cache.load(A) == DATA
    assert cache.cache_info().directory == str(only(tmp_path)) == str(tmp_path / "taylornb")


def test_the_environment_is_read_at_each_use(tmp_path, monkeypatch):
    cache.save(A, DATA)
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", str(tmp_path / "deep" / "other"))
    assert cache.load(A) is None
    cache.save(A, b"other")
    assert cache.load(A) == b"other"
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", str(tmp_path / "cache"))
    assert cache.load(A) == DATA


def test_the_home_directory_may_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", os.path.join("~", "mine"))
    cache.save(A, DATA)
    assert only(tmp_path / "mine")


def test_off(place, monkeypatch):
    cache.save(A, DATA)
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", "off")
    assert cache.load(A) is None
    cache.save(B, DATA)
    assert cache.clear_cache() == 0
    assert cache.cache_info() == (None, 0, 0, 0, 1, "TAYLORNB_CACHE_DIR is off")
    assert only(place).name == f"{A}.taylornb"


def test_nothing_is_made_before_something_is_saved(place):
    cache.load(A)
    cache.clear_cache()
    assert cache.cache_info().files == 0
    assert not place.exists()


def test_clearing_removes_the_files_of_the_cache_only(place):
    cache.save(A, DATA)
    cache.save(B, DATA)
    others = {"notes.taylornb", "a" * 64, f"{A}.taylornb.txt", f"x{A}.taylornb"}
    for name in others:
        (place / name).touch()
    assert cache.cache_info().files == 2
    assert cache.clear_cache() == 2
    assert {path.name for path in place.iterdir()} == others
    assert cache.cache_info().files == 0


def test_clearing_leaves_what_another_process_is_writing(place):
    cache.save(A, DATA)
    writing, abandoned = (place / f"{A}.taylornb.{digit * 16}" for digit in "01")
    writing.touch()
    abandoned.touch()
    age(abandoned, 2 * cache.HOUR)
    assert cache.clear_cache() == 2
    assert only(place) == writing


# ---- files that are not as they were written -------------------------------------------------------------


def damaged():
    whole = cache._header(A, DATA) + DATA
    yield from ((f"cut to {length}", whole[:length]) for length in (0, 1, 15, 16, 24, 55, 56, 57, len(whole) - 1))
    yield from ((f"byte {i} changed", whole[:i] + bytes([whole[i] ^ 4]) + whole[i + 1 :]) for i in (0, 15, 16, 24, 56, 20_055))
    yield "longer", whole + b"\0"
    yield "zeros", bytes(len(whole))
    yield "under another name", cache._header(B, DATA) + DATA


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in damaged()])
def test_a_damaged_file_is_a_miss_and_goes(place, content):
    cache.save(A, DATA)
    only(place).write_bytes(content)
    assert cache.load(A) is None
    assert not list(place.iterdir())
    cache.save(A, DATA)
    assert cache.load(A) == DATA


def test_a_damaged_file_that_cannot_be_removed_is_a_miss(place, monkeypatch):
    cache.save(A, DATA)
    only(place).write_bytes(b"")
    monkeypatch.setattr(cache.os, "unlink", fails(errno.EROFS))
    assert cache.load(A) is None


def test_a_directory_in_place_of_a_file_is_a_miss(place):
    (place / f"{A}.taylornb").mkdir(parents=True, mode=0o700)
    place.chmod(0o700)
    assert cache.load(A) is None
    with pytest.warns(RuntimeWarning, match="could not save"):
        cache.save(A, DATA)
    assert only(place).is_dir()


@posix
def test_a_pipe_in_place_of_a_file_is_a_miss_that_nobody_waits_for(place):
    cache.save(B, DATA)
    os.mkfifo(place / f"{A}.taylornb", mode=0o600)
    assert cache.load(A) is None
    cache.save(A, DATA)
    assert cache.load(A) == DATA


# ---- disks that are full or cannot be written to ---------------------------------------------------------


def fails(number):
    def failing(*arguments, **options):
        raise OSError(number, os.strerror(number))

    return failing


class Full(io.FileIO):
    """A file on a disk with room for 100 bytes."""

    def write(self, data):
        super().write(data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def unsaved(place, reason):
    """Saving warns, once, and leaves nothing behind."""
    assert warning(tried) == (
        f"taylornb could not save compiled code in {place} and goes on without: {reason}; "
        "make room or set TAYLORNB_CACHE_DIR to a directory of your own, or to off"
    )
    assert not list(place.iterdir())


def test_a_full_disk(place, monkeypatch):
    monkeypatch.setattr(cache, "open", lambda path, mode, opener: Full(path, mode, opener=opener), raising=False)
    unsaved(place, "No space left on device")


@posix
def test_a_file_that_may_not_grow(place):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        unsaved(place, "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_file_that_cannot_be_moved_into_place(place, monkeypatch, number):
    monkeypatch.setattr(cache.os, "replace", fails(number))
    unsaved(place, os.strerror(number))


def test_a_write_that_is_interrupted_leaves_nothing(place, monkeypatch):
    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.save(A, DATA)
    assert not list(place.iterdir())


def test_a_file_that_another_process_reads_on_windows_is_no_failure(monkeypatch):
    cache.save(A, DATA)
    monkeypatch.setattr(cache.os, "replace", fails(errno.EACCES))
    cache.save(A, DATA)
    assert cache.load(A) == DATA


@pytest.fixture
def protected():
    """Takes the write permission of directories away until the test ends."""
    changed = []

    def protect(path):
        changed.append(path)
        path.chmod(0o500)
        if os.access(path, os.W_OK):
            pytest.skip("this user may write everywhere")

    yield protect
    for path in changed:
        path.chmod(0o700)


@posix
def test_a_directory_without_write_permission(place, protected):
    cache.save(B, DATA)
    protected(place)
    with pytest.warns(RuntimeWarning, match="could not save compiled code .* Permission denied; make room or set"):
        cache.save(A, DATA)
    assert cache.load(B) == DATA
    assert only(place)


@posix
def test_a_directory_that_cannot_be_made(tmp_path, protected):
    protected(tmp_path)
    unused("Permission denied", loads=False)


# ---- places that cannot be used --------------------------------------------------------------------------


def unused(reason, loads=True):
    """Neither loading nor saving uses the directory; there is one warning."""
    assert warning(tried) == (
        f"taylornb keeps no compiled code in {cache.cache_info().directory}: {reason}; "
        "set TAYLORNB_CACHE_DIR to a directory of your own, or to off"
    )
    assert cache.cache_info().off == (reason if loads else None)


def test_a_directory_that_is_a_file(place):
    place.write_text("mine")
    unused("it is not a directory")
    assert place.read_text() == "mine"


@posix
def test_a_directory_below_a_file(place, monkeypatch):
    place.write_text("mine")
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", str(place / "below"))
    unused("Not a directory")


def test_a_directory_that_the_system_does_not_make(monkeypatch):
    monkeypatch.setattr(cache.os, "makedirs", fails(errno.EROFS))
    unused("Read-only file system", loads=False)


@pytest.mark.parametrize("named", ["cache", os.path.join(".", "off"), os.path.join("~nobody-of-that-name", "cache")])
def test_a_directory_must_not_depend_on_the_current_one(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAYLORNB_CACHE_DIR", named)
    unused("it is not an absolute path")
    assert not list(tmp_path.iterdir())


@posix
def test_without_a_home_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAYLORNB_CACHE_DIR")
    monkeypatch.setattr(cache, "user_cache_dir", lambda name, appauthor: f"~/.cache/{name}")
    unused("it is not an absolute path")
    assert not list(tmp_path.iterdir())


def test_where_warnings_are_errors_there_is_one(place):
    place.write_text("mine")
    with pytest.raises(RuntimeWarning, match="not a directory"):
        cache.load(A)
    cache.save(A, DATA)
    assert cache.load(A) is None


# ---- what others can write to is not believed ------------------------------------------------------------


@posix
@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_what_is_made_is_private(place, mask):
    before = os.umask(mask)
    try:
        cache.save(A, DATA)
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(only(place).stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize(("mode", "shown"), [(0o770, "drwxrwx---"), (0o702, "drwx----w-"), (0o777, "drwxrwxrwx")])
def test_a_directory_that_others_can_write_to(place, mode, shown):
    cache.save(A, DATA)
    place.chmod(mode)
    unused(f"others can write to it, its mode being {shown}; chmod go-w would take that from them")
    place.chmod(0o755)
    assert cache.load(A) == DATA


@posix
def test_a_directory_of_another_user(monkeypatch):
    cache.save(A, DATA)
    user = os.geteuid()
    monkeypatch.setattr(cache.os, "geteuid", lambda: user + 1)
    unused(f"it belongs to user {user}, and user {user + 1} is running this")


def disbelieved(place, reason):
    """The one file is not loaded and goes; there is one warning."""
    assert warning(lambda: cache.load(A)) == (
        f"taylornb does not believe compiled code in {place} and compiles anew: {reason}; "
        "set TAYLORNB_CACHE_DIR to a directory of your own, or to off"
    )
    assert not list(place.iterdir())


@posix
def test_a_file_that_others_can_write_to(place):
    cache.save(A, DATA)
    only(place).chmod(0o620)
    disbelieved(place, "others can write to it, its mode being -rw--w----; chmod go-w would take that from them")
    cache.save(A, DATA)
    assert cache.load(A) == DATA


@posix
def test_a_file_of_another_user(place, monkeypatch):
    cache.save(A, DATA)
    user, fstat = os.geteuid(), os.fstat

    def others(descriptor):
        found = fstat(descriptor)
        return SimpleNamespace(st_uid=user + 1, st_mode=found.st_mode, st_mtime=found.st_mtime)

    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "fstat", others)
        disbelieved(place, f"it belongs to user {user + 1}, and user {user} is running this")


@posix
def test_a_link_to_a_file_is_not_followed(place, tmp_path):
    cache.save(A, DATA)
    whole = only(place).rename(tmp_path / "whole")
    (place / f"{A}.taylornb").symlink_to(whole)
    content = whole.read_bytes()
    assert cache.load(A) is None
    cache.save(A, b"other")
    assert cache.load(A) == b"other"
    assert whole.read_bytes() == content


@posix
def test_a_link_to_a_directory_of_the_user_is(place, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(tmp_path / "elsewhere")
    cache.save(A, DATA)
    assert cache.load(A) == DATA


@posix
def test_on_windows_owners_and_modes_are_not_asked_for(place, monkeypatch):
    cache.save(A, DATA)
    place.chmod(0o777)
    only(place).chmod(0o666)
    monkeypatch.setattr(cache, "os", SimpleNamespace(**{**vars(os), "name": "nt"}))
    assert cache.load(A) == DATA


# ---- how much is kept ------------------------------------------------------------------------------------


def fill(place, count, size=1000):
    """Files of that length, each used a minute before the next; the keys, first the one that was used longest ago."""
    keys = [cache.key(str(i)) for i in range(count)]
    for i, name in enumerate(keys):
        cache.save(name, bytes(size - cache.HEADER.size))
        age(place / f"{name}.taylornb", 60 * (count - i))
    return keys


def names(place):
    return {path.name.partition(".")[0] for path in place.iterdir()}


def test_what_was_used_longest_ago_makes_room(place, monkeypatch):
    keys = fill(place, 20)
    monkeypatch.setattr(cache, "LIMIT", 20_000)
    restarted(monkeypatch)
    cache.save(A, bytes(1000 - cache.HEADER.size))
    assert names(place) == {*keys[6:], A}


def test_what_fits_stays(place, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 20_000)
    keys = fill(place, 20)
    assert names(place) == {*keys}


def test_the_bound_holds_for_what_other_processes_wrote(place, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 100_000)
    fill(place, 50)
    restarted(monkeypatch)
    for i in range(200):
        cache.save(cache.key(f"other {i}"), bytes(1000))
        assert cache.cache_info().bytes <= cache.LIMIT


def test_processes_that_run_at_once_exceed_the_bound_by_little(monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 100_000)
    running = [cache._Process() for _ in range(4)]
    for i in range(400):
        monkeypatch.setattr(cache, "_process", running[i % len(running)])
        cache.save(cache.key(str(i)), bytes(1000))
        assert cache.cache_info().bytes <= cache.LIMIT + len(running) * cache.LIMIT // cache.SCAN


def test_files_that_were_abandoned_make_room(place, monkeypatch):
    keys = fill(place, 3)
    abandoned = place / f"{A}.taylornb.{'0' * 16}"
    abandoned.write_bytes(bytes(2000))
    age(abandoned, 2 * cache.HOUR)
    monkeypatch.setattr(cache, "LIMIT", 4000)
    restarted(monkeypatch)
    cache.save(keys[0], bytes(10))
    assert names(place) == {*keys}


def test_what_is_longer_than_all_may_be_is_not_kept(place, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", len(DATA) - 1)
    cache.save(A, DATA)
    assert not place.exists()


def test_loading_marks_a_file_as_used_once_a_day(place):
    cache.save(A, DATA)
    age(only(place), cache.DAY - 100)
    before = only(place).stat().st_mtime
    cache.load(A)
    assert only(place).stat().st_mtime == before
    age(only(place), 200)
    cache.load(A)
    assert time.time() - only(place).stat().st_mtime < 100


def test_a_file_that_cannot_be_marked_is_loaded(place, monkeypatch):
    cache.save(A, DATA)
    age(only(place), 2 * cache.DAY)
    monkeypatch.setattr(cache.os, "utime", fails(errno.EROFS))
    assert cache.load(A) == DATA


def test_few_saves_look_at_the_whole_directory(place, monkeypatch):
    looks, files = [], cache._files
    monkeypatch.setattr(cache, "LIMIT", 1_000_000)
    monkeypatch.setattr(cache, "_files", lambda directory: looks.append(directory) or files(directory))
    fill(place, 500)
    assert len(looks) <= 1 + 500 * 1000 * cache.SCAN // cache.LIMIT


# ---- many at once ----------------------------------------------------------------------------------------

WORK = """
import random
seed, seconds = map(int, sys.argv[1:])
keys = {cache.key(str(i)): random.Random(i).randbytes(5000 * i) for i in range(6)}
cache.LIMIT = int(sys.stdin.readline())
end, hits = time.monotonic() + seconds, 0
while time.monotonic() < end:
    key = random.choice([*keys])
    found = cache.load(key)
    assert found in (None, keys[key]), len(found)
    hits += found is not None
    if found is None or random.random() < 0.3:
        cache.save(key, keys[key])
assert hits > 10, hits
"""


@pytest.mark.parametrize("limit", [cache.LIMIT, 60_000], ids=["room for all", "room for some"])
def test_processes_that_write_and_read_at_once(place, limit):
    running = [process(WORK, str(seed), "1", stdin=subprocess.PIPE, stderr=subprocess.PIPE) for seed in range(4)]
    for each in running:
        each.stdin.write(f"{limit}\n")
        each.stdin.flush()
    assert [each.communicate()[1] for each in running] == [""] * 4
    assert all(path.suffix == ".taylornb" for path in place.iterdir())


def test_threads_that_write_and_read_at_once():
    keys = {cache.key(str(i)): random.Random(i).randbytes(5000 * i) for i in range(6)}

    def work(seed):
        chosen = random.Random(seed).choices([*keys], k=100)
        for key in chosen:
            assert cache.load(key) in (None, keys[key])
            cache.save(key, keys[key])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    info = cache.cache_info()
    assert info.hits + info.misses == 800
    assert info.files == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_that_was_forked_while_the_lock_was_held(place):
    code = """
import signal, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # the libraries have threads; the child calls none of them
key, process = cache.key("a"), cache._process
cache.save(key, b"data")
cache.load(key)
with process.lock:
    child = os.fork()
    if not child:
        signal.alarm(30)  # rather than wait for ever
        counts = process.hits, process.misses
        os._exit(not (cache.load(key) == b"data" and counts == (0, 0) and process.hits == 1))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or process.hits != 1)
"""
    assert process(code).wait(timeout=60) == 0


def test_no_warning_is_given_for_the_ordinary():
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        cache.load(A)
        cache.save(A, DATA)
        cache.load(A)
        cache.clear_cache()
    assert not given
