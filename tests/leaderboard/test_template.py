"""The repository template: bash runs its workflows' shell steps as GitHub does, on pull requests of all kinds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import runs
import warm
import yaml
from tampered import Parts, change

from lmms_vg.submission.submit import submit

TEMPLATE = Path(__file__).parents[2] / "templates" / "leaderboard"
WORKFLOWS = {path.stem: path for path in (TEMPLATE / ".github" / "workflows").iterdir()}
HARD = "vqa_demo_hard"
MINE = "submissions/my-model.v2/bundle.zip"
OTHERS = "submissions/others/bundle.zip"

ENVIRONMENT = {
    name: value for name, value in warm.ENVIRONMENT.items() if not name.startswith(("GIT_", "GITHUB_", "LMMS_VG_"))
} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{role}_{what}": "a@b.invalid" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def path() -> str:
    """Where a step looks for programs: ours, with the libraries imported already, then this interpreter's."""
    return os.pathsep.join([str(warm.programs()), str(Path(sys.executable).parent), os.environ["PATH"]])


def read(name: str) -> dict[Any, Any]:
    """Read a workflow; YAML takes its key `on` for true."""
    loaded: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    return loaded


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read(name)["jobs"].values() for step in job["steps"]]


def step(workflow: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in steps(workflow) if one.get("name") == name]
    return found


def run_step(
    one: dict[str, Any], folder: Path, outputs: dict[str, str] | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a step as the runner does with `shell: bash`; its files and temporary folder lie beside the checkout."""
    beside = folder.with_name(f"{folder.name}_runner")
    beside.mkdir(exist_ok=True)
    script = beside / "script.sh"
    script.write_text(one["run"], encoding="utf-8")
    given = {name: _filled(value, outputs or {}) for name, value in one.get("env", {}).items()}
    runner = {"RUNNER_TEMP": str(beside), "GITHUB_OUTPUT": str(beside / "output"), "PATH": path()}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
        cwd=folder,
        env=ENVIRONMENT | runner | given | more,
        capture_output=True,
        text=True,
        check=False,
    )


def _filled(value: str, outputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ steps\.changed\.outputs\.(\w+) \}\}", lambda found: outputs[found[1]], value)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)


#: git fetches a submodule from a folder only when told to.
LOCAL_SUBMODULES = ("-c", "protocol.file.allow=always")


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--allow-empty", "--message", "a change")


# --- what a workflow may do -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["validate", "pages"])
def test_a_workflow_is_pinned_and_may_only_read(name: str) -> None:
    workflow = read(name)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["defaults"] == {"run": {"shell": "bash"}}
    for one in steps(name):
        assert "run" in one or re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one["uses"]), one
        assert "${{" not in one.get("run", ""), "an expression would be pasted into the script"
        if one.get("uses", "").startswith("actions/checkout@"):
            assert one["with"]["persist-credentials"] is False
    assert "secrets" not in re.sub(r"#.*", "", WORKFLOWS[name].read_text(encoding="utf-8"))
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_the_page_is_built_with_all_of_the_history() -> None:
    """The history says which submission came first; a checkout has only the last commit unless it asks for all."""
    (checkout,) = [one for one in steps("pages") if one.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["fetch-depth"] == 0


def test_a_stranger_starts_the_check_only() -> None:
    """Of the two events for pull requests, this one has no secrets and no token that may write."""
    assert read("validate")[True] == {"pull_request": None}
    assert all("permissions" not in job for job in read("validate")["jobs"].values())
    assert read("pages")[True] == {"push": {"branches": ["main"]}, "workflow_dispatch": None}


def test_only_the_deployment_may_write() -> None:
    jobs = read("pages")["jobs"]
    assert read("pages")["concurrency"] == {"group": "pages", "cancel-in-progress": False}
    assert "permissions" not in jobs["build"]
    assert jobs["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert jobs["deploy"]["needs"] == "build"
    assert [one["uses"].partition("@")[0] for one in jobs["deploy"]["steps"]] == ["actions/deploy-pages"]


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["validate", "pages"])
def test_the_pinned_commit_is_installed_with_its_lock(name: str, tmp_path: Path) -> None:
    """A submodule's commit is installed, whatever its repository holds by now; no index is asked for our name."""
    source, repository = tmp_path / "source", tmp_path / "repository"
    for folder in (source, repository):
        folder.mkdir()
        git(folder, "init", "--initial-branch", "main")
    put(source / "requirements.lock", b"pinned")
    commit(source)
    git(repository, *LOCAL_SUBMODULES, "submodule", "add", str(source), "lmms_vg")
    commit(repository)
    put(source / "requirements.lock", b"moved on")
    commit(source)
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", str(repository), str(checkout))
    python = tmp_path / "bin" / "python"
    put(python, b'#!/bin/sh\necho "$*"\n')
    python.chmod(0o755)
    done = run_step(
        step(name, "Install lmms-vg"),
        checkout,
        PATH=f"{python.parent}{os.pathsep}{path()}",
        GIT_ALLOW_PROTOCOL="file",
    )
    assert done.returncode == 0, done.stderr
    assert (checkout / "lmms_vg" / "requirements.lock").read_bytes() == b"pinned"
    installs = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert installs == [
        "-m pip install --no-deps --require-hashes -r lmms_vg/requirements.lock",
        "-m pip install --no-deps --no-build-isolation ./lmms_vg",
    ]


def test_the_read_me_installs_as_the_workflows_do() -> None:
    text = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    for line in step("validate", "Install lmms-vg")["run"].splitlines()[1:]:
        assert f"\n{line.removeprefix('python -m ')}\n" in text


# --- pull requests ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    submit([runs.save_run(folder / "run", HARD)], runs.CARD, folder / "b.zip")
    return folder / "b.zip"


@pytest.fixture
def repository(programs: None, tmp_path: Path, good: Path) -> Path:
    """A repository made from the template, with a submission."""
    folder = tmp_path / "repository"
    shutil.copytree(TEMPLATE, folder)
    put(folder / OTHERS, good.read_bytes())
    git(folder, "init", "--initial-branch", "main")
    commit(folder)
    return folder


Change = Callable[[Path], object]


def merged(repository: Path, changes: Change, meanwhile: Change = lambda _: None) -> Path:
    """Check out a pull request: merged into main, which may have moved, and only as deep as the workflow says."""
    git(repository, "switch", "--create", "pull-request")
    changes(repository)
    commit(repository)
    git(repository, "switch", "main")
    meanwhile(repository)
    commit(repository)
    git(repository, "merge", "--no-ff", "--message", "merge", "pull-request")
    checkout = repository.with_name("checkout")
    depth = next(one for one in steps("validate") if "checkout" in one.get("uses", ""))["with"]["fetch-depth"]
    git(repository, "clone", "--depth", str(depth), repository.as_uri(), str(checkout))
    return checkout


def changed(checkout: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run the first step and return its outputs."""
    done = run_step(step("validate", "One bundle is added and nothing else is changed"), checkout)
    written = checkout.with_name(f"{checkout.name}_runner") / "output"
    lines = written.read_text(encoding="utf-8").splitlines() if written.exists() else []
    return done, dict(line.split("=", 1) for line in lines)


def adds(*names: str) -> Change:
    def make(folder: Path) -> None:
        for name in names:
            put(folder / name, b"a bundle, as far as this step can tell")

    return make


def links(name: str, target: str) -> Change:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)

    return make


def moves(folder: Path) -> None:
    (folder / MINE).parent.mkdir(parents=True)
    (folder / OTHERS).rename(folder / MINE)


def test_one_new_bundle_goes_on(repository: Path) -> None:
    done, outputs = changed(merged(repository, adds(MINE), meanwhile=adds("submissions/third/bundle.zip", "more.md")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs == {"bundle": MINE}
    assert done.stdout == f"changed: {MINE}\n", "what main got meanwhile is none of its changes"


ONE_FILE = "::error::A submission adds one file, submissions/<id>/bundle.zip, and changes nothing else."
THERE = "::error::This bundle is there already, and whose it is cannot be told here, so none is replaced or removed:"
REFUSED: dict[str, tuple[Change, str]] = {
    "nothing": (lambda folder: None, ONE_FILE),
    "a file outside": (adds(MINE, "notes.md"), ONE_FILE),
    "only a file outside": (adds("notes.md"), ONE_FILE),
    "a workflow": (adds(MINE, ".github/workflows/validate.yml"), ONE_FILE),
    "two folders": (adds(MINE, "submissions/second/bundle.zip"), ONE_FILE),
    "a file beside the bundle": (adds(MINE, "submissions/my-model.v2/notes.md"), ONE_FILE),
    "another name": (adds("submissions/mine/other.zip"), ONE_FILE),
    "no folder": (adds("submissions/bundle.zip"), ONE_FILE),
    "a folder deeper": (adds("submissions/a/b/bundle.zip"), ONE_FILE),
    "a folder of another name": (adds("submissions2/mine/bundle.zip"), ONE_FILE),
    "a longer path": (adds("x/submissions/mine/bundle.zip"), ONE_FILE),
    "upper case": (adds("submissions/Mine/bundle.zip"), ONE_FILE),
    "a hidden folder": (adds("submissions/.mine/bundle.zip"), ONE_FILE),
    "an option": (adds("submissions/-rf/bundle.zip"), ONE_FILE),
    "a long id": (adds(f"submissions/{'a' * 101}/bundle.zip"), ONE_FILE),
    "somebody's bundle replaced": (adds(OTHERS), THERE),
    "somebody's bundle deleted": (lambda folder: (folder / OTHERS).unlink(), THERE),
    "somebody's bundle made executable": (lambda folder: (folder / OTHERS).chmod(0o755), THERE),
    "somebody's bundle moved": (moves, ONE_FILE),
    "a link to somebody's bundle": (links(MINE, "../others/bundle.zip"), "::error::bundle.zip is no plain file."),
    "a link to a file of the runner": (links(MINE, "/etc/passwd"), "::error::bundle.zip is no plain file."),
    "a link to somebody's folder": (links("submissions/mine", "others"), ONE_FILE),
    "spaces": (adds("submissions/my model/bundle.zip"), ONE_FILE),
    "a line break in the id": (adds("submissions/my\nmodel/bundle.zip"), ONE_FILE),
    "a line break at the end": (adds(f"{MINE}\n"), ONE_FILE),
    "a line break in front": (adds("\nsubmissions/mine/bundle.zip"), ONE_FILE),
    "two names in one": (adds(f"x\n{MINE}"), ONE_FILE),
    "quotes": (adds("submissions/\"my'model/bundle.zip"), ONE_FILE),
    "a command": (adds("submissions/$(touch pwned)/bundle.zip"), ONE_FILE),
    "a command in backquotes": (adds("submissions/`touch pwned`/bundle.zip"), ONE_FILE),
    "a command behind a quote": (adds('submissions/";touch pwned;"/bundle.zip'), ONE_FILE),
    "a pattern": (adds("submissions/*/bundle.zip"), ONE_FILE),
    "an output": (adds("submissions/a\nbundle=b/bundle.zip"), ONE_FILE),
    "a command to the runner": (adds("submissions/a\n::add-mask::b/bundle.zip", "\n##[add-mask]c"), ONE_FILE),
    "no UTF-8": (adds(os.fsdecode(b"submissions/a\xff/bundle.zip")), ONE_FILE),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_everything_else_is_refused(repository: Path, kind: str) -> None:
    changes, reason = REFUSED[kind]
    checkout = merged(repository, changes)
    done, outputs = changed(checkout)
    assert done.returncode == 1, done.stdout + done.stderr
    assert outputs == {}
    *listed, last = done.stdout.splitlines()
    assert last.startswith(reason)
    assert all(line.startswith("changed: ") for line in listed), "no line of the log is a stranger's"
    assert "##[" not in done.stdout
    assert "::" not in "".join(listed)
    assert not list(checkout.parent.rglob("pwned"))


def test_a_checkout_without_its_base_is_no_success(repository: Path) -> None:
    checkout = repository.with_name("shallow")
    git(repository, "clone", "--depth", "1", repository.as_uri(), str(checkout))
    done, outputs = changed(checkout)
    assert done.returncode != 0
    assert outputs == {}


def checked(repository: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    """Run both steps on a pull request with this bundle."""
    checkout = merged(repository, lambda folder: put(folder / MINE, bundle.read_bytes()))
    done, outputs = changed(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    return run_step(step("validate", "The bundle is valid"), checkout, outputs)


def between_marks(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines printed while the runner accepts no commands; there must be no others."""
    first, *lines, last = done.stdout.splitlines()
    found = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", first)
    assert found is not None
    assert last == f"::{found[1]}::"
    assert found[1] not in "".join(lines)
    return lines


def test_a_good_bundle_passes(repository: Path, good: Path) -> None:
    done = checked(repository, good)
    assert done.returncode == 0, done.stdout + done.stderr
    assert between_marks(done) == [f"{MINE}: valid"]


def test_an_invalid_bundle_fails_and_says_why(repository: Path, good: Path, tmp_path: Path) -> None:
    def forge(made: Parts) -> None:
        answer = made[f"answers/{HARD}.jsonl"][0]
        answer["score"] = 1 - answer["score"]
        for kind in ("questions", "answers"):
            made[f"{kind}/{HARD}.jsonl"][0]["uid"] = "a\n::add-mask::b"

    done = checked(repository, change(good, tmp_path / "forged.zip", forge))
    assert done.returncode == 1, done.stdout + done.stderr
    lines = between_marks(done)
    assert lines[0] == f"{MINE}: INVALID"
    assert any(line.startswith("  verdict  ") for line in lines)
    assert not any(line.startswith("::") for line in lines), "nor would the runner obey it here"


def test_a_file_that_is_no_bundle_fails(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no zip")
    done = checked(repository, tmp_path / "text")
    assert done.returncode == 1
    assert any("not-a-zip" in line for line in between_marks(done))


# --- the site ---------------------------------------------------------------------------------------------------------


def test_the_site_is_built_where_it_is_uploaded_from(repository: Path) -> None:
    build = read("pages")["jobs"]["build"]["steps"]
    done = run_step(step("pages", "Build the site"), repository)
    assert done.returncode == 0, done.stdout + done.stderr
    (upload,) = [one for one in build if one.get("uses", "").startswith("actions/upload-pages-artifact@")]
    assert build[-1] is upload
    assert (repository / upload["with"]["path"] / "index.html").is_file()


def test_a_bundle_that_is_not_valid_any_more_stops_the_deployment(repository: Path) -> None:
    put(repository / MINE, b"no zip")
    done = run_step(step("pages", "Build the site"), repository)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{MINE}: refused" in done.stdout
