"""Does every example in the README and in docs/ run, and give the output shown; are the generated pages and links right?

A ```python block that starts with >>> is a doctest session; any other is executed as it stands. The blocks of one page
share a namespace and run in order.
"""

import doctest
import re
import runpy
from pathlib import Path

import mpmath
import numpy as np
import pytest

import taylornb as tn

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@pages
def test_the_examples_of_a_page_run_and_give_what_is_shown(page):
    text, namespace, failures = page.read_text(encoding="utf-8"), {"__name__": "__page__"}, []
    with np.printoptions(), mpmath.workprec(mpmath.mp.prec):
        for block in BLOCK.finditer(text):
            run(block[1], page, text.count("\n", 0, block.start(1)), namespace, failures)
    assert not failures, "".join(failures)


def run(source, page, line, namespace, failures):
    """Run one block, whose first line has this number when counted from 0."""
    if not source.startswith(">>> "):
        exec(compile("\n" * line + source, str(page), "exec"), namespace)
        return
    session = doctest.DocTestParser().get_doctest(source, namespace, page.name, str(page), line)
    session.globs = namespace  # a session otherwise has a copy, and the next block would not see its names
    doctest.DocTestRunner(optionflags=FLAGS).run(session, out=failures.append, clear_globs=False)


def test_the_table_of_operations_is_the_one_that_is_generated():
    made = runpy.run_path(str(DOCS / "make_operations.py"))["page"]()
    assert (DOCS / "operations.md").read_text(encoding="utf-8") == made, "run python docs/make_operations.py"


def test_the_table_of_operations_names_every_public_operation():
    named = re.findall(r"^\| `(\w+)` \|", (DOCS / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(tn.operations) <= set(named)


@pages
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(SPAN.sub("", prose(page))):
        if link.startswith("https://"):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def prose(page):
    """The text of a page without its blocks of code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def headings(page):
    """The anchors of a page, as its headings make them: lower case, words joined by hyphens, no punctuation."""
    titles = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_reached_from_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(index) if not link.startswith("https://")}
    assert {page for page in PAGES if page.parent != ROOT and page.name != "index.md"} <= linked
