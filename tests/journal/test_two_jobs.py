"""Two equal runs at once: one answers, the other waits and reuses its answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import warm

from lmms_vg.journal import read_records

ASKED = 12

#: A run as `lmms-vg run` makes it, but for lmms-eval. Whoever has the lock goes on at its sixth question once the other waits.
RUN = f"""
import json, os, sys, time
from pathlib import Path
from loguru import logger
from lmms_vg.inference.build import build
from lmms_vg.experiments.boxed_questions import questions

waiting = Path(sys.argv[1])
logger.add(lambda message: "waiting for process" in message and waiting.touch(), level="WARNING")

def asked():
    for number, question in enumerate(questions("vgmed_demo", {ASKED}, 0)):
        while number == 5 and not waiting.exists():
            time.sleep(0.05)
        yield question

answerer = build("huatuo", "plain", pretrained="demo")
records = {{question.uid: record.model_dump(exclude={{"seconds"}}) for question, record in answerer.answer(asked())}}
answerer.close()
print(json.dumps([answerer.counts.answered, answerer.counts.from_journal, records, os.getpid()]))
"""


@pytest.mark.e2e
def test_two_processes_on_one_journal_ask_each_question_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [warm.programs() / "python", "-c", RUN, tmp_path / "waiting"]
    environment = os.environ | {"LMMS_VG_HOME": str(home)}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=280) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    runs: list[Any] = [json.loads(output.splitlines()[-1]) for output, _ in outputs]
    assert sorted(run[:2] for run in runs) == [[0, ASKED], [ASKED, 0]]
    assert runs[0][2] == runs[1][2]
    assert sum(f"waiting for process {run[3]} " in errors for run in runs for _, errors in outputs) == 1
    (path,) = home.glob("journal/*/rank*.jsonl")
    assert len(list(read_records([path]))) == ASKED
