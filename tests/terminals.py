"""Commands as a person runs them."""

import os
import pty
import subprocess
import sys


def on_a_terminal(*arguments, environment, typed="", stdin=None):
    """What a person sees who runs the command, and its exit status."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "referral", *arguments],
        env={**os.environ, **environment, "COLUMNS": "200", "TERM": "xterm"},
        stdin=stdin or theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while True:
        if typed and seen.endswith(
            b": "
        ):  # the blank comes once what was typed before is forgotten
            line, _, typed = typed.partition("\n")
            os.write(ours, f"{line}\n".encode())
        try:
            seen += os.read(ours, 65536)
        except OSError:  # they have closed it
            break
    os.close(ours)
    return seen.decode(), process.wait(20)
