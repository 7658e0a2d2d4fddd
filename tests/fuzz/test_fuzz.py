"""The fuzz run of the parser, as long as the suite can bear; ``parse.py`` makes longer ones."""

import runpy
from pathlib import Path

PROGRAM = runpy.run_path(str(Path(__file__).with_name("parse.py")))


def test_damaged_documents_give_a_document_or_a_parse_error() -> None:
    accepted, refused = PROGRAM["run"](seed=20_231_117, runs=10_000)
    assert accepted > 100, "what is refused before it is read proves little"
    assert refused > 1000


def test_the_same_seed_makes_the_same_documents() -> None:
    documents = PROGRAM["documents"]
    assert list(documents(3, 50)) == list(documents(3, 50))
