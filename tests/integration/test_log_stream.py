"""The log's stream, on files that do not take what they are given."""

import fcntl
import os
import select
import subprocess
import sys
import threading
import time

import pytest

from referral.entrypoints.bootstrap.log_stream import MOST_WAITING, LogStream
from servers import eventually


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read(reader: int, ending: bytes) -> bytes:
    """What comes from the pipe, as far as this ending."""
    data = b""
    while not data.endswith(ending):
        data += chunk(reader)
    return data


def chunk(reader: int, most: int = 65536) -> bytes:
    assert select.select([reader], [], [], 10)[0], "nothing more comes"
    return os.read(reader, most)


class Told(list[int]):
    """What a stream says of lines that were lost."""

    def __call__(self, lines: int) -> None:
        self.append(lines)


def test_lines_come_in_order_and_all_before_the_end(tmp_path):
    file = tmp_path / "log"
    with file.open("wb") as opened:
        stream = LogStream(opened.fileno(), Told(), Told())
        for n in range(10_000):
            print(n, file=stream)

        stream.finish(10)

    assert file.read_text().splitlines() == [str(n) for n in range(10_000)]


def test_long_lines_of_two_processes_are_not_mixed_up(pipe):
    reader, writer = pipe
    script = (
        "import sys; from referral.entrypoints.bootstrap.log_stream import LogStream;"
        "stream = LogStream(1, print, print);"
        "[stream.write(sys.argv[1] * 20_000 + '\\n') for _ in range(20)];"
        "stream.finish(20)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, letter], stdout=writer) for letter in "ab"
    ]

    data = b""
    while data.count(b"\n") < 40:
        data += chunk(reader, 100)

    assert sorted(data.split()) == [b"a" * 20_000] * 20 + [b"b" * 20_000] * 20
    assert [process.wait(20) for process in writers] == [0, 0]


def test_what_finds_too_much_waiting_is_lost_and_told_when_writing_works_again(pipe):
    reader, writer = pipe
    lost, told = Told(), Told()
    stream = LogStream(writer, lost, told)
    line = "x" * 1023 + "\n"
    room = MOST_WAITING // len(line)
    for _ in range(room):
        stream.write(line)
    assert lost == []

    stream.write("several\nlines\n")
    assert sum(lost) == 2

    arrived = 0
    while arrived < room:
        arrived += chunk(reader).count(b"\n")
    eventually(lambda: told == [2])
    print("goes on", file=stream)
    assert chunk(reader) == b"goes on\n"


def test_lines_for_which_nobody_is_left_are_lost_and_told_when_writing_works_again(tmp_path):
    reader, writer = os.pipe()
    lost, told = Told(), Told()
    stream = LogStream(writer, lost, told)
    os.close(reader)

    print("for nobody", file=stream)
    eventually(lambda: sum(lost) == 1)
    with (tmp_path / "log").open("wb") as file:
        os.dup2(file.fileno(), writer)
    print("for somebody", file=stream)

    eventually(lambda: told == [1])
    assert (tmp_path / "log").read_text() == "for somebody\n"
    os.close(writer)


def test_a_line_after_one_that_was_cut_off_begins_on_a_line_of_its_own(tmp_path):
    script = """
import resource, threading
from referral.entrypoints.bootstrap.log_stream import LogStream
lost, told = threading.Event(), threading.Event()
stream = LogStream(1, lambda lines: lost.set(), lambda lines: told.set())
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
stream.write("x" * 149 + "\\n")
assert lost.wait(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
stream.write("whole\\n")
assert told.wait(10)
"""
    with (tmp_path / "log").open("wb") as file:
        subprocess.run([sys.executable, "-c", script], stdout=file, check=True)

    assert (tmp_path / "log").read_text().splitlines() == ["x" * 100, "whole"]


def test_a_file_that_is_set_not_to_wait_is_waited_for(pipe):
    reader, writer = pipe
    os.set_blocking(writer, False)
    stream = LogStream(writer, lost := Told(), Told())

    for n in range(5000):
        print(n, file=stream)

    assert read(reader, b"\n4999\n").split() == [b"%d" % n for n in range(5000)]
    assert lost == []


def test_the_end_waits_no_longer_than_it_is_told_to(pipe):
    _, writer = pipe
    os.write(writer, b"\n" * 4096)
    stream = LogStream(writer, Told(), Told())
    print("is not read", file=stream)
    finishing = threading.Thread(target=stream.finish, args=(0.2,), daemon=True)
    began = time.monotonic()

    finishing.start()
    finishing.join(5)

    assert 0.2 <= time.monotonic() - began < 5


def test_text_that_is_not_unicode_is_written_as_escapes(pipe):
    reader, writer = pipe
    stream = LogStream(writer, Told(), Told())

    print("half a pair: \ud800", file=stream)

    assert read(reader, b"\n") == b"half a pair: \\ud800\n"
