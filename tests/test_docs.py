"""The README says what is true: its code runs, and its commands are the ones that CI runs."""

import contextlib
import io
import re
import runpy
from pathlib import Path

from bxml import Document, parse

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    demo, tests = blocks("sh")
    assert demo.startswith("python3 -m venv ")
    assert demo.endswith(" .venv/bin/calls demo\n")
    assert tests.startswith("python3 -m venv ")
    assert tests.endswith(" .venv/bin/pytest\n")


def test_the_menu_of_the_readme_is_the_examples_and_makes_the_markup_shown() -> None:
    compose = blocks("python")[0]
    names: dict[str, Document] = {}
    exec(compose, names)  # noqa: S102  # our own README
    assert names["menu"].to_bxml(pretty=True) == blocks("xml")[0]
    assert names["menu"] == runpy.run_path(str(ROOT / "docs" / "examples" / "acme.py"))["menu"]()
    assert sum(1 for _ in re.finditer("<[A-Z]", blocks("xml")[0])) == 9
    assert parse(blocks("xml")[0]) == names["menu"]


def test_the_call_without_a_telephone_prints_what_the_readme_says() -> None:

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(blocks("python")[2], {})  # noqa: S102  # our own README
    said = re.search(r"print\(.*\)  # (.*)", blocks("python")[2])
    assert said
    assert out.getvalue().strip() == said[1]
