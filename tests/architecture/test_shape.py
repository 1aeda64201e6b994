"""The code keeps the budgets, and each check is seen to fail on a sample that breaks it."""

from pathlib import Path

import pytest

from tests.architecture import shape

ROOT = Path(__file__).parents[2]
PRODUCT = shape.modules(ROOT, "app.py", "chalicelib", "infra")
FINE = '"""Says why."""\n\n\ndef double(n: int, *, times: int = 1) -> int:\n    return 2 * n * times\n'
LINE = "    x = 1\n"
DEEP = """def f() -> None:
    for a in b:
        if a:
            with a:
                while a:
                    a()
"""
ELIF = """def f() -> None:
    if a:
        a()
    elif b:
        a()
    elif c:
        a()
    elif d:
        a()
"""

BROKEN = [
    (shape.long_module, "chalicelib/a.py", "x = 1\n" * 251),
    (shape.long_function, "chalicelib/a.py", "def f() -> None:\n" + LINE * 40),
    (shape.long_function, "chalicelib/a.py", "async def f() -> None:\n" + LINE * 40),
    (shape.deep_nesting, "chalicelib/a.py", DEEP),
    (
        shape.many_parameters,
        "chalicelib/a.py",
        "def f(a: int, b: int, c: int, d: int, e: int, g: int) -> None: ...",
    ),
    (shape.missing_annotation, "chalicelib/a.py", "def f(a) -> None: ..."),
    (shape.missing_annotation, "chalicelib/a.py", "def f(*a) -> None: ..."),
    (shape.missing_annotation, "chalicelib/a.py", "def f(*, a) -> None: ..."),
    (shape.missing_annotation, "chalicelib/a.py", "def f(): ..."),
    (shape.printing, "chalicelib/a.py", "print(1)"),
    (shape.printing, "app.py", "print(1)"),
    (shape.broad_except, "chalicelib/a.py", "try:\n    a()\nexcept Exception:\n    b()\n"),
    (shape.broad_except, "chalicelib/a.py", "try:\n    a()\nexcept (ValueError, BaseException):\n    b()\n"),
    (shape.broad_except, "chalicelib/a.py", "try:\n    a()\nexcept:\n    b()\n"),
    (shape.broad_except, "chalicelib/a.py", "with contextlib.suppress(Exception):\n    b()\n"),
    (shape.missing_docstring, "chalicelib/a.py", "x = 1\n"),
    (shape.vague_name, "chalicelib/utils.py", FINE),
    (shape.vague_name, "chalicelib/core/chat.py", FINE),
    (shape.long_view, "app.py", "def f() -> None:\n" + LINE * 5),
    (
        shape.long_view,
        "app.py",
        "def f() -> None:\n    if a:\n        b()\n        b()\n    else:\n        c()\n        c()\n",
    ),
    (shape.foreign_import, "app.py", "import os"),
    (shape.foreign_import, "app.py", "from chalicelib.adapters import memory"),
    (shape.foreign_import, "app.py", "from chalicelib import domain"),
]


@pytest.mark.parametrize("check", shape.CHECKS, ids=lambda check: check.__name__)
def test_the_product_keeps_the_budget(check):
    assert [fault for module in PRODUCT for fault in check(module)] == []


@pytest.mark.parametrize("check", [shape.long_view, shape.foreign_import], ids=lambda check: check.__name__)
def test_the_entry_points_hold_no_logic(check):
    assert [fault for module in shape.modules(ROOT, "app.py", "chalicelib/routes") for fault in check(module)] == []


def test_tests_use_fakes_that_pass_a_contract_instead_of_mocks():
    counts = [shape.tests_and_mocks(module) for module in shape.modules(ROOT, "tests")]

    tests, mocks = (sum(column) for column in zip(*counts, strict=True))

    assert mocks <= shape.MOCKS_PER_TEST * tests


@pytest.mark.parametrize(("check", "path", "source"), BROKEN)
def test_a_check_finds_what_it_is_for(check, path, source):
    assert list(check(shape.Module(path, source)))


@pytest.mark.parametrize("check", shape.CHECKS, ids=lambda check: check.__name__)
def test_a_check_leaves_good_code_alone(check):
    assert list(check(shape.Module("chalicelib/a.py", FINE))) == []


@pytest.mark.parametrize(
    ("check", "path", "source"),
    [
        (shape.deep_nesting, "chalicelib/a.py", ELIF),
        (
            shape.many_parameters,
            "chalicelib/a.py",
            "def f(self, a: int, b: int, c: int, d: int, e: int) -> None: ...",
        ),
        (shape.printing, "infra/a.py", "print(1)"),
        (shape.broad_except, "chalicelib/a.py", "try:\n    a()\nexcept BaseException:\n    b()\n    raise\n"),
        (shape.broad_except, shape.BROAD_EXCEPT[0], "try:\n    a()\nexcept Exception:\n    b()\n"),
        (
            shape.foreign_import,
            "app.py",
            "from chalicelib import bootstrap\nfrom chalicelib.pipeline.turn import answer",
        ),
    ],
)
def test_a_check_knows_its_exceptions(check, path, source):
    assert list(check(shape.Module(path, source))) == []


@pytest.mark.parametrize(
    ("source", "mocks"),
    [
        ("Mock()", 1),
        ("mock.patch('a')", 1),
        ("mocker.spy(a)", 1),
        ("patch.object(a, 'b')", 1),
        ("monkeypatch.setenv()", 0),
    ],
)
def test_mocks_are_counted(source, mocks):
    assert shape.tests_and_mocks(shape.Module("tests/a.py", f"def test_a():\n    {source}\n")) == (1, mocks)
