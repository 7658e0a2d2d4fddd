"""Hypothesis profiles, the reference that lies beside the project, and a real Redis."""

import json
import os
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "reference"

_config = tomllib.loads((ROOT / "pyproject.toml").read_text())
for _name, _options in _config["tool"]["bxml-calls"]["hypothesis"].items():
    settings.register_profile(_name, **_options)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def reference() -> Any:
    """The vendor's language as data. It is not part of the project."""
    path = REFERENCE / "bxml_verbs.json"
    if not path.exists():
        pytest.skip("the reference of the platform (bxml_verbs.json) is not beside the project")
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that these tests have for themselves, at a socket in a folder of its own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "socket"
    arguments = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        deadline = time.monotonic() + 20
        while not socket.exists():
            assert server.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.02)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait(timeout=20)
