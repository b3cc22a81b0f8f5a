"""What `make setup` does on machines that are not like this one: programs of its own stand for the system's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Of the system's programs, what the script is made of.
MADE_OF = ("bash", "env", "dirname", "grep", "cat", "cut", "sha256sum")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout's tools and, in bin/, all programs of a machine of an ordinary user on which only cmake is installed."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for name in MADE_OF:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    write(tmp_path, "id", "echo 1000")
    write(tmp_path, "dpkg-query", '[ "${*: -1}" = cmake ] && echo "install ok installed"')
    write(tmp_path, "python3", "exit 7")
    return tmp_path


def write(machine: Path, name: str, script: str) -> None:
    program = machine / "bin" / name
    program.write_text(f"#!{shutil.which('bash')}\n{script}\n")
    program.chmod(0o755)


def setup(machine: Path, *groups: str) -> "subprocess.CompletedProcess[str]":
    command = [str(machine / "tools/setup.sh"), *groups]
    return subprocess.run(command, env={"PATH": str(machine / "bin")}, capture_output=True, text=True, timeout=60)


def test_without_root_and_sudo_it_names_the_packages_that_are_missing_and_makes_nothing(machine: Path) -> None:
    done = setup(machine, "base", "lint")
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1].split()
    assert line[:2] == ["apt-get", "install"] and {"ninja-build", "python3-venv", "clang-format-16"} <= set(line) and "cmake" not in line
    assert "neither root nor sudo" in done.stderr and not (machine / ".venv").exists()


def test_with_sudo_it_installs_them_without_questions(machine: Path) -> None:
    write(machine, "sudo", f'echo "$*" >> {machine}/done')
    assert setup(machine, "base").returncode == 7, "the interpreter's own answer, later"
    update, install = (machine / "done").read_text().splitlines()
    assert update.startswith("apt-get update")
    assert install.startswith("env DEBIAN_FRONTEND=noninteractive apt-get install -y") and " ninja-build " in install and " cmake " not in install


def test_a_group_that_is_none_is_told(machine: Path) -> None:
    done = setup(machine, "everything")
    assert done.returncode == 2 and "there are: base all bench lint" in done.stderr
