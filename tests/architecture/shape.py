"""Budgets measured on the syntax tree: each check takes a module and yields what breaks the budget."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MODULE_LINES = 250
FUNCTION_LINES = 40
NESTING = 3
POSITIONAL = 5
VIEW_STATEMENTS = 4
MOCKS_PER_TEST = 0.05

PRINTING = ("infra", "benchmarks")  # they talk to a person in a terminal
BROAD_EXCEPT = (
    "chalicelib/edge/problems.py",  # where a fault that nobody foresaw becomes an answer
    "chalicelib/edge/sockets.py",  # or a frame
    "infra/local/sockets.py",  # plays API Gateway, whose connections outlive a message that failed
    "infra/local/bridge.py",  # plays Lambda, which survives whatever its function does
    "infra/local/streams.py",  # so does its streaming twin
    "infra/local/schedule.py",  # and what calls functions on a schedule
    "infra/local/worker.py",  # or with messages
    "chalicelib/runtime/loop.py",  # is Lambda
    "chalicelib/edge/batch.py",  # where a message takes no other of its batch with it
)
VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "core", "manager", "misc"}
MOCKS = {"AsyncMock", "MagicMock", "Mock", "create_autospec", "patch"}
MOCK_OWNERS = {"mock", "mocker", "patch"}
ENTRY_IMPORTS = ("chalice", "chalicelib.bootstrap", "chalicelib.edge", "chalicelib.pipeline", "chalicelib.routes")

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)


@dataclass(frozen=True)
class Module:
    path: str  # inside the repository, with forward slashes
    source: str

    @property
    def tree(self):
        return ast.parse(self.source)

    @property
    def functions(self):
        return [node for node in ast.walk(self.tree) if isinstance(node, FUNCTION)]


def modules(root: Path, *names: str) -> list[Module]:
    found = [
        path for name in names for path in ([root / name] if name.endswith(".py") else (root / name).rglob("*.py"))
    ]
    return [Module(path.relative_to(root).as_posix(), path.read_text()) for path in sorted(found) if path.exists()]


def long_module(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > MODULE_LINES:
        yield f"{module.path}: {lines} lines, {MODULE_LINES} at most"


def long_function(module: Module) -> Iterator[str]:
    for node in module.functions:
        lines = node.end_lineno - node.lineno + 1
        if lines > FUNCTION_LINES:
            yield f"{module.path}:{node.lineno} {node.name}: {lines} lines, {FUNCTION_LINES} at most"


def deep_nesting(module: Module) -> Iterator[str]:
    for node in module.functions:
        depth = _depth(node)
        if depth > NESTING:
            yield f"{module.path}:{node.lineno} {node.name}: nested {depth} deep, {NESTING} at most"


def _depth(node: ast.AST) -> int:
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTION):
            continue  # measured on its own
        deepest = max(deepest, _depth(child) + isinstance(child, BLOCKS) - _is_elif(node, child))
    return deepest


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]


def many_parameters(module: Module) -> Iterator[str]:
    for node in module.functions:
        names = [each.arg for each in (*node.args.posonlyargs, *node.args.args) if each.arg not in {"self", "cls"}]
        if len(names) > POSITIONAL:
            where = f"{module.path}:{node.lineno} {node.name}"
            yield f"{where}: {len(names)} parameters by position, {POSITIONAL} at most"


def missing_annotation(module: Module) -> Iterator[str]:
    for node in module.functions:
        given = node.args
        every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        bare = [each.arg for each in every if each and not each.annotation and each.arg not in {"self", "cls"}]
        if bare or not node.returns:
            where = f"{module.path}:{node.lineno} {node.name}"
            yield f"{where}: no type for {', '.join(bare) or 'what it returns'}"


def printing(module: Module) -> Iterator[str]:
    if module.path.startswith(PRINTING):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{module.path}:{node.lineno}: print"


def broad_except(module: Module) -> Iterator[str]:
    if module.path in BROAD_EXCEPT:
        return
    for node in ast.walk(module.tree):
        if _catches_everything(node):
            yield f"{module.path}:{node.lineno}: catches everything"


def _catches_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return _is_broad(node.type) and not _is_reraise(node.body[-1])
    return isinstance(node, ast.Call) and _called(node) == "suppress" and any(map(_is_broad, node.args))


def _is_reraise(last: ast.stmt) -> bool:
    return isinstance(last, ast.Raise) and last.exc is None


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(each) for each in caught.elts)
    return caught is None or getattr(caught, "id", "") in {"Exception", "BaseException"}


def missing_docstring(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield f"{module.path}: no docstring"


def vague_name(module: Module) -> Iterator[str]:
    parts = Path(module.path).with_suffix("").parts
    for part in parts:
        if part.strip("_") in VAGUE:
            yield f"{module.path}: {part} says nothing of what is inside"


CHECKS = (
    long_module,
    long_function,
    deep_nesting,
    many_parameters,
    missing_annotation,
    printing,
    broad_except,
    missing_docstring,
    vague_name,
)


def long_view(module: Module) -> Iterator[str]:
    for node in module.functions:
        body = node.body[1:] if ast.get_docstring(node) else node.body
        statements = sum(isinstance(each, ast.stmt) for line in body for each in ast.walk(line))
        if statements > VIEW_STATEMENTS:
            where = f"{module.path}:{node.lineno} {node.name}"
            yield f"{where}: {statements} statements, {VIEW_STATEMENTS} at most"


def foreign_import(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        for name in _imported(node):
            if not any(name == each or name.startswith(f"{each}.") for each in ENTRY_IMPORTS):
                yield f"{module.path}:{node.lineno}: imports {name}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{each.name}" for each in node.names]
    return []


def tests_and_mocks(module: Module) -> tuple[int, int]:
    tests = sum(node.name.startswith("test_") for node in module.functions)
    return tests, sum(_is_mock(node) for node in ast.walk(module.tree))


def _is_mock(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    owner = getattr(getattr(node.func, "value", None), "id", "")
    return _called(node) in MOCKS or owner in MOCK_OWNERS
