"""The ranks of jobs, as a program: each asks what lmms-eval would ask it, and writes down what came back to it.

    python -m rank

Each line of the standard input is the path of a JOB.json, and "done" is printed when the job has ended. JOB.json has the
folders `meet` (a file, where the ranks meet) and `out`, the `tasks` (name -> [[image, question, boxes], ...]), the environment
of each rank, `ranks`, and `dies`: the rank that is killed after one answer, or null. What all ranks import is imported once,
before they are forked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import warm


@contextmanager
def program() -> Iterator[subprocess.Popen[str]]:
    """The program, for any number of jobs."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [warm.programs() / "python", "-m", "rank"]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as started:
        yield started


def run(
    program: subprocess.Popen[str],
    folder: Path,
    tasks: dict[str, list[Any]],
    world: int,
    *,
    shared: bool = True,
    **job: Any,
) -> list[dict[str, Any]]:
    """Run all ranks of a job to their end; return what each wrote, or {"status": ..., "said": ...} of one that failed.

    Args:
        program: runs them.
        folder: holds the homes of jobs that continue each other.
        tasks: name -> [[image, question, boxes], ...].
        world: number of ranks.
        shared: whether all ranks have one home and host; otherwise each is a host with a disk of its own.
        job: further values of JOB.json.
    """
    turn = folder / f"job{len(list(folder.glob('job*')))}"
    turn.mkdir(parents=True)
    ranks = []
    for rank in range(world):
        home, local = ("home", rank) if shared else (f"home{rank}", 0)
        where = {"RANK": rank, "WORLD_SIZE": world, "LOCAL_RANK": local, "LMMS_VG_HOME": folder / home}
        ranks.append({name: str(value) for name, value in where.items()})
    described = {"meet": str(turn / "meet"), "out": str(turn), "tasks": tasks, "ranks": ranks} | job
    (turn / "job.json").write_text(json.dumps(described))
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(f"{turn / 'job.json'}\n")
    assert program.stdout.readline() == "done\n"
    return [json.loads((turn / f"{rank}.json").read_text()) for rank in range(world)]


def main() -> None:
    import lmms_vg.harness
    import lmms_vg.tasks.documents  # noqa: F401

    for line in sys.stdin:
        work_off(json.loads(Path(line.strip()).read_text()))
        print("done", flush=True)


def work_off(job: dict[str, Any]) -> None:
    """Run all ranks of a job to their end."""
    children = [started(job, rank) for rank in range(len(job["ranks"]))]
    for rank, child in enumerate(children):
        _, status = os.waitpid(child, 0)
        out = Path(job["out"], f"{rank}.json")
        if not out.exists():
            said = Path(job["out"], f"{rank}.log").read_text()
            out.write_text(json.dumps({"status": os.waitstatus_to_exitcode(status), "said": said}))


def started(job: dict[str, Any], rank: int) -> int:
    """Fork the process of a rank; return its id."""
    if child := os.fork():
        return child
    log = os.open(Path(job["out"], f"{rank}.log"), os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(job["ranks"][rank])
    try:
        work(job, rank, len(job["ranks"]))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def work(job: dict[str, Any], rank: int, world: int) -> None:
    import torch
    from datasets import Dataset

    from lmms_vg import journal
    from lmms_vg.attention import session
    from lmms_vg.harness import huatuo_vgrefine
    from lmms_vg.inference.method_run import MethodRun
    from lmms_vg.tasks.documents import FEATURES

    torch.set_num_threads(1)
    if world > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{job['meet']}", rank=rank, world_size=world)

    prefixes: list[object] = []
    prefilled = session.prefilled

    def counted(family: Any, prompts: Any, sums: bool = False) -> Any:
        prefixes.extend(prompt for prompt in prompts if prompt.prefix)  # the load check asks without an image
        return prefilled(family, prompts, sums)

    session.prefilled = counted
    if job.get("dies") == rank:
        keep = MethodRun.keep
        MethodRun.keep = lambda self, *answered: (keep(self, *answered), os.kill(os.getpid(), signal.SIGKILL))[0]

    empty = dict.fromkeys(FEATURES, "") | {"options": [], "boxes": []}
    documents = {
        task: {
            "test": Dataset.from_list(
                [
                    empty
                    | {
                        "task": task,
                        "uid": f"{image} {text}",
                        "images": [image],
                        "image": image,
                        "question": text,
                        "boxes": boxes,
                    }
                    for image, text, boxes in rows
                ],
                features=FEATURES,
            )
        }
        for task, rows in job["tasks"].items()
    }
    model = huatuo_vgrefine(pretrained="demo", device="cpu")
    model.task_dict = documents
    requests = [request for task in documents for request in asked(task, len(documents[task]["test"]), rank, world)]
    answers = model.generate_until(requests)
    counts = model._answerer.counts
    back = {}
    for request, text in zip(requests, answers, strict=True):
        if "__padding_only__" not in request.metadata:
            uid = documents[request.task_name]["test"][request.doc_id]["uid"]
            record = journal.recall(request.task_name, uid)
            back[f"{request.task_name} {uid}"] = {
                "text": text,
                **record.model_dump(include={"text", "key", "alignment", "error"}),
            }
    Path(job["out"], f"{rank}.json").write_text(
        json.dumps(
            {
                "back": back,
                "prefixes": len(prefixes),
                "asked": counts.asked,
                "from_journal": counts.from_journal,
                "answered": counts.answered,
            }
        )
    )
    model.clean()


def asked(task: str, count: int, rank: int, world: int) -> list[Any]:
    """The requests of a rank as lmms-eval makes them: every `world`th document; padding up to the most that a rank has."""
    from lmms_eval.api.instance import Instance

    from lmms_vg.tasks.documents import visual

    def messages(doc: dict[str, Any]) -> list[dict[str, Any]]:
        images = [{"type": "image", "url": image} for image in visual(doc)]
        return [{"role": "user", "content": [*images, {"type": "text", "text": doc["question"]}]}]

    def request(doc_id: int, **metadata: Any) -> Any:
        return Instance(
            request_type="generate_until",
            arguments=("", messages, {"max_new_tokens": 4}, doc_id, task, "test"),
            idx=0,
            metadata={"task": task, "doc_id": doc_id, "repeats": 1, "alignment": True, **metadata},
        )

    own = [request(doc_id) for doc_id in range(rank, count, world)]
    missing = -(-count // world) - len(own)
    return own + [request(own[-1].doc_id if own else 0, __padding_only__=True)] * missing


if __name__ == "__main__":
    main()
