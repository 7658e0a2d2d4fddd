"""The docs say what is true: their code runs, and what they show is what comes out.

The blocks of a page share a namespace and a folder of their own, in order. A block of another kind
than Python is what the block before it printed, or the markup of the value of its last expression;
in a ``console`` block, lines after ``$`` are run, and the others are their output. A block that names
a file (```` ```xml menu.xml ````) is that file. ``print(x)  # y`` and ``x  # -> y`` are compared as
well. What a page defines as ``test_…`` is run as a test.
"""

import ast
import contextlib
import importlib.util
import io
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import httpx
import pytest

from bxml import Bxml, Document, parse
from bxml._compose import Verb
from bxml.render import render_pretty
from bxml.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    file: str
    text: str
    line: int


def blocks_of(page: Path, *languages: str) -> list[Block]:
    text = page.read_text("utf-8")
    fences = re.finditer(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    blocks = [
        Block(each[1], each[2] or "", each[3], text.count("\n", 0, each.start()) + 1)
        for each in fences
    ]
    return [each for each in blocks if not languages or each.language in languages]


def statements(source: str) -> Iterator[tuple[ast.stmt, str]]:
    """The statements of a block, each with the comment that ends it."""
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        comment = re.search(r"  # (.+)$", lines[(statement.end_lineno or 1) - 1])
        yield statement, comment[1] if comment else ""


def markup_of(value: object) -> str:
    if isinstance(value, Document):
        return value.to_bxml(pretty=True)
    return render_pretty(value) if isinstance(value, Verb) else ""


class Reader:
    """Follows a page: runs its blocks and keeps what they print."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.names: dict[str, Any] = {"__name__": "docs"}
        self.printed = ""

    def follow(self) -> None:
        for block in blocks_of(self.page):
            if block.file:
                Path(block.file).write_text(block.text, "utf-8")
            elif block.language == "python":
                self.printed = self.run(block)
            elif block.language == "console":
                assert self.typed(block) == block.text, f"{self.page}:{block.line}"
            elif block.language in {"xml", "text", "json"}:
                # Pretty markup ends its last line, and print() does so once more.
                assert self.printed.rstrip("\n") == block.text.rstrip("\n"), (
                    f"{self.page}:{block.line}"
                )

    def run(self, block: Block) -> str:
        """What a block of Python prints, or the markup of what it is."""
        before = set(self.names)
        printed, value = "", None
        for statement, comment in statements(block.text):
            ast.increment_lineno(statement, block.line)
            value, out = self.step(statement)
            printed += out
            if ast.unparse(statement).startswith("print(") and comment:
                assert out == f"{comment}\n"
            elif comment.startswith("-> "):
                assert repr(value) == comment.removeprefix("-> ")
        for name in [name for name in self.names if name.startswith("test_")]:
            if name not in before:
                self.names[name]()
        return printed or markup_of(value)

    def step(self, statement: ast.stmt) -> tuple[object, str]:
        """The value of one statement, and what it prints."""
        out = io.StringIO()
        value = None
        with contextlib.redirect_stdout(out):
            if isinstance(statement, ast.Expr):
                expression = compile(ast.Expression(statement.value), str(self.page), "eval")
                value = eval(expression, self.names)  # noqa: S307  # our own pages
            else:
                module = compile(ast.Module([statement], []), str(self.page), "exec")
                exec(module, self.names)  # noqa: S102  # our own pages
        return value, out.getvalue()

    @staticmethod
    def typed(block: Block) -> str:
        """What a terminal shows when the commands of a block are typed."""
        commands = re.findall(r"^\$ (.*)$", block.text, re.MULTILINE)
        mark = "-- next --\n"
        script = "".join(
            f'{each}\nstatus=$?; printf %s "{mark}"; (exit $status)\n' for each in commands
        )
        scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        run = subprocess.run(  # noqa: S603  # our own pages
            ["/bin/sh", "-c", script],
            env={**os.environ, "PATH": scripts, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        outputs = run.stdout.decode().split(mark)
        pairs = zip(commands, outputs, strict=False)
        return "".join(f"$ {command}\n{output}" for command, output in pairs)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """What a page sends. A platform that takes everything answers; nothing reaches a network."""
    sent: list[httpx.Request] = []

    def answer(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        request.read()
        sent.append(request)
        if request.url.path.endswith("/token"):
            token = {"access_token": "token", "token_type": "Bearer", "expires_in": 3600}
            return httpx.Response(200, json=token)
        return httpx.Response(204 if request.method == "PUT" else 200)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    return sent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pages write files."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_code_of_a_page_runs_and_gives_what_the_page_shows(page: Path) -> None:
    Reader(page).follow()


def test_the_readme_replaces_redirects_and_ends_a_call(requests: list[httpx.Request]) -> None:
    Reader(README).follow()
    *_, pushed, redirected, ended = [each for each in requests if "/calls/" in each.url.path]
    assert pushed.method == "PUT"
    assert parse(pushed.content) == Bxml().speak_sentence("An agent is free.")
    assert b"https://app.example.com/agent" in redirected.content
    assert b"completed" in ended.content


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_has_a_language_that_is_looked_at(page: Path) -> None:
    known = {"python", "xml", "text", "json", "console"}
    # The commands that set the project up are run elsewhere.
    known |= {"sh"} if page == README else set()
    assert {block.language for block in blocks_of(page)} <= known
    assert "```" not in prose_of(page)


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    demo, tests = (block.text for block in blocks_of(README, "sh"))
    assert demo.startswith("python3 -m venv ")
    assert demo.endswith(" .venv/bin/calls demo\n")
    assert tests.startswith("python3 -m venv ")
    assert tests.endswith(" .venv/bin/pytest\n")


def test_the_menu_of_the_readme_is_the_examples() -> None:
    shown = blocks_of(README, "xml")[0].text
    menu = runpy.run_path(str(ROOT / "docs" / "examples" / "acme.py"))["menu"]()
    assert parse(shown) == menu
    assert sum(1 for _ in re.finditer("<[A-Z]", shown)) == 9


# The reference


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The script that writes the pages of the reference."""
    path = ROOT / "docs" / "reference" / "write.py"
    spec = importlib.util.spec_from_file_location("write_reference", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_declarations_say(writer: ModuleType) -> None:
    hint = "python docs/reference/write.py writes the pages anew"
    assert "".join(writer.differences()) == "", hint


def test_the_folder_of_the_reference_has_no_other_pages(writer: ModuleType) -> None:
    folder = ROOT / "docs" / "reference"
    assert {page.name for page in folder.glob("*.md")} == set(writer.pages())


def test_every_element_and_rule_that_is_written_of_by_hand_exists(writer: ModuleType) -> None:
    by_hand = writer.BY_HAND
    elements = {cls.element_name() for cls in (*writer.VERBS, *writer.TAGS)}
    assert by_hand["examples"].keys() == elements
    assert by_hand["ties"].keys() <= elements
    assert {rule for rules in by_hand["ties"].values() for rule in rules} <= RULES.keys()


# Links


def prose_of(page: Path) -> str:
    text = page.read_text("utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    text = prose_of(page)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in set(re.findall(r"\]\(([^)]+)\)", prose_of(page))):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors_of(target), link


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    links = re.findall(r"\]\(([^)#]+)\)", index.read_text("utf-8"))
    listed = {(index.parent / link).resolve() for link in links if not link.startswith("https://")}
    assert {page for page in PAGES if page not in {README, index}} <= listed
