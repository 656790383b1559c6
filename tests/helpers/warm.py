"""`lmms-vg`, `lmms-eval`, `python -m` and `python -c` as processes that are forked from one with the libraries imported.

A whole run spends most of its time on importing torch, transformers, datasets and evaluate, and tests start hundreds
of them. Here a server imports these once, and forks for every command; each run imports lmms-eval and lmms_vg itself,
as ever. `programs()` is a folder of programs that ask the server. Whoever starts one sees what the real one would
show: its output, its status, its signals; where it is killed, the run is. Where the environment has a variable that a
library may have read at its import, the real program is executed instead. Variables that a program itself sets before
its imports come too late, so a forked `--quiet` run may draw bars on stderr.

    python warm.py FOLDER OWNER   serve, until that process ends
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import random
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

from filelock import FileLock

REAL = Path(sys.executable).parent
#: Of the tests as a whole: no single test's environment may reach the runs of others.
ENVIRONMENT = dict(os.environ)
#: Variable with the process that outlives all workers, and the folder of its programs.
_OWNER = "PYTEST_WARM"
#: Name -> the module of its `main`; of `python` only `-m` and `-c` are forked.
PROGRAMS = {"lmms-vg": "lmms_vg.cli.main", "lmms-eval": "lmms_eval.cli.dispatch", "python": ""}
#: What a run imports of others' code, without what these import themselves.
LIBRARIES = (
    "accelerate",
    "aiohttp",
    "datasets",
    "evaluate",
    "jinja2",
    "lmms_eval.filters",  # compiles hundreds of expressions, and knows no plugin yet
    "loguru",
    "nibabel",
    "nltk",
    "pandas",
    "pydantic",
    "pydicom",
    "pytablewriter",
    "requests",
    "rich",
    "sacrebleu",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.metrics",
    "tenacity",
    "torchvision",
    "transformers.models.clip.image_processing_clip",
    "transformers.models.clip.modeling_clip",
    "transformers.models.llama.tokenization_llama",
    "transformers.models.llava.modeling_llava",
    "transformers.models.qwen2.modeling_qwen2",
    "transformers.pipelines",
    "transformers.processing_utils",
)
#: Read when a program runs, and not when a library is imported; HF_HOME is where nothing is read or written offline.
FREE = (
    "LMMS_",
    "PYTEST_",
    "WANDB_",
    "GIT",
    "RUNNER_",
    "BUNDLE",  # of the leaderboard's workflow
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "MASTER_",
    "GROUP_",
    "ROLE_",
    "LOCAL_WORLD_SIZE",
    "TORCHELASTIC_",
    "TORCH_NCCL_",
    "HF_HOME",
    "PATH",
    "PYTHONPATH",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "COLUMNS",
    "LINES",
)

CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
asked = json.dumps([sys.argv, dict(os.environ), os.getcwd()]).encode()
socket.send_fds(server, [len(asked).to_bytes(8, "big")], [0, 1, 2])
server.sendall(asked)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: server.send(bytes([number])))
status = int.from_bytes(server.recv(2), "big", signed=True)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def own() -> None:
    """Make the folder of programs, and this process the one that it lasts for; in those that it starts, nothing is done."""
    if _OWNER not in os.environ:
        folder = tempfile.mkdtemp(prefix="warm")
        os.environ[_OWNER] = f"{os.getpid()}:{folder}"
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


@functools.cache
def programs() -> Path:
    """Start the server that all workers share, if none has; return the folder of the programs that ask it."""
    own()
    owner, _, folder = os.environ[_OWNER].partition(":")
    with FileLock(Path(folder, "lock")):
        if not Path(folder, "socket").exists():
            serve(Path(folder), owner)
    return Path(folder)


def serve(folder: Path, owner: str) -> None:
    """Write the programs and start their server."""
    for name in PROGRAMS:
        (folder / name).write_text(CLIENT.format(python=sys.executable, address=str(folder / "socket")))
        (folder / name).chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, __file__, folder, owner], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"


def main(folder: Path, owner: int) -> None:
    """Serve until the owner ends: one connection per command."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # a program that ends would walk over all of this
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets the keepers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever stops the tests ends the owner
    ended = os.pidfd_open(owner)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, ended], [], [])
        if ended in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            keep(connection)
        connection.close()


def keep(connection: socket.socket) -> None:
    """Fork the program and hand signals to it, until it ends or whoever asked for it is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, files, _, _ = socket.recv_fds(connection, 8, 3)
    asked = b""
    while len(asked) < int.from_bytes(head, "big"):
        asked += connection.recv(1 << 16)
    child = os.fork()
    if child == 0:
        connection.close()
        try:
            become(files, *json.loads(asked))
        except SystemExit as ended:
            leave(ended.code)
    for file in files:
        os.close(file)
    ended = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([connection, ended], [], [])
        if ended in ready:
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            connection.send(status.to_bytes(2, "big", signed=True))
            os._exit(0)
        numbers = connection.recv(16)
        for number in numbers or [signal.SIGKILL]:
            os.kill(child, number)


def become(files: list[int], argv: list[str], environment: dict[str, str], folder: str) -> None:
    """Be the program: with these files, arguments and environment, in this folder."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    name = Path(argv[0]).name
    argv[0] = str(REAL / name)
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    other = read_at_import(environment) or customised(paths)
    if other or (name == "python" and argv[1] not in ("-m", "-c")):
        os.execve(sys.executable, argv if name == "python" else [sys.executable, *argv], environment)
    for variable in ENVIRONMENT.keys() - environment.keys():
        del os.environ[variable]
    os.environ.update(environment)  # what the libraries set stays
    sys.argv = argv
    first = str(REAL) if name != "python" else "" if argv[1] == "-c" else folder
    sys.path[0:1] = [first, *(os.path.abspath(path) for path in paths)]
    importlib.invalidate_caches()
    random.seed()
    sys.modules["__main__"] = program = types.ModuleType("__main__")
    program.__file__ = argv[0]
    if name != "python":
        sys.exit(importlib.import_module(PROGRAMS[name]).main())
    if argv[1] == "-c":
        sys.argv = ["-c", *argv[3:]]
        exec(compile(argv[2], "<string>", "exec"), program.__dict__)
    else:
        sys.argv = argv[2:]
        runpy.run_module(argv[2], run_name="__main__", alter_sys=True)
    sys.exit()


def leave(code: object) -> None:
    """End as an interpreter does, but do not take apart what was imported: in a fork, that copies all of it, for a second."""
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            file.flush()
    os._exit(code & 0xFF if isinstance(code, int) else int(code is not None))


def read_at_import(environment: dict[str, str]) -> list[str]:
    """Variables that a library may have read at its import with another value; libraries set some themselves then."""
    return [
        name
        for name in environment.keys() | ENVIRONMENT.keys()
        if not name.startswith(FREE) and environment.get(name) not in (ENVIRONMENT.get(name), os.environ.get(name))
    ]


def restore_environment() -> None:
    """Undo what imports and runs inside a test process left in its environment: programs would not be forked for it."""
    for name in os.environ.keys() | ENVIRONMENT.keys():
        if not name.startswith(FREE) and os.environ.get(name) != ENVIRONMENT.get(name):
            os.environ.pop(name, None)
            os.environ.update({name: ENVIRONMENT[name]} if name in ENVIRONMENT else {})


def customised(paths: list[str]) -> bool:
    """Whether one of these folders has code that Python runs as it starts."""
    return any(Path(path, "sitecustomize.py").exists() or Path(path, "usercustomize.py").exists() for path in paths)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
