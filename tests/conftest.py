"""Hypothesis profiles, and the reference that lies beside the project."""

import json
import os
import tomllib
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
