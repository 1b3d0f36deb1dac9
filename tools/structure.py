"""Measure the structure of the source: circles of modules, imports that bypass a room's face, dictionaries typed `Any`.

A room is a folder or a module directly below the package. Its face is its ``__init__``: the stub ``__init__.pyi`` if
there is one (its names are imported on first use), else what ``__init__.py`` imports. Only files are parsed; nothing
is imported. ::

    python -m tools.structure            # the table
    python -m tools.structure --details  # the table, and every place
    python -m tools.structure --check    # exit 1 with a sentence for each circle and each bypassing import
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["House", "Import", "Module", "read_house", "structure_report"]

# A module with fewer lines should not stand alone for a single user.
SHORT = 80
MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})


@dataclass(frozen=True)
class Import:
    """One import statement, or one name of ``from module import name``.

    Attributes
    ----------
    module
        Absolute name of the module after ``from`` or ``import``.
    name
        Name that is taken from it; None for ``import module``.
    line
        Line of the statement.
    for_types
        Whether it stands under ``if TYPE_CHECKING:``.
    """

    module: str
    name: str | None
    line: int
    for_types: bool


@dataclass(frozen=True)
class Module:
    """A source file.

    Attributes
    ----------
    name
        Absolute dotted name; that of the folder for ``__init__.py``.
    path
        The file.
    is_package
        Whether it is an ``__init__.py``.
    lines
        Number of lines.
    imports
        Its imports at any depth.
    stub_imports
        Imports of the stub ``__init__.pyi`` beside it; None without one.
    function_lengths
        Lines of every function, decorators left out.
    dictionaries
        Number of types such as ``dict[str, Any]`` and ``Mapping[str, Any]``.
    """

    name: str
    path: Path
    is_package: bool
    lines: int
    imports: tuple[Import, ...]
    stub_imports: tuple[Import, ...] | None
    function_lengths: tuple[int, ...]
    dictionaries: int

    @cached_property
    def face(self) -> dict[str, Import]:
        """Name -> the import that brings it, for a package."""
        offered = self.imports if self.stub_imports is None else self.stub_imports
        return {item.name: item for item in offered if item.name is not None}

    @property
    def is_kernel(self) -> bool:
        """Whether it holds compiled loops, which may be short."""
        return "kernel" in self.path.stem or any(item.module.split(".")[0] == "numba" for item in self.imports)


@dataclass(frozen=True)
class House:
    """All modules of a package.

    Attributes
    ----------
    package
        Name of the package, as ``qdmol``.
    modules
        Name -> module.
    """

    package: str
    modules: Mapping[str, Module] = field(default_factory=dict)

    def room(self, name: str) -> str:
        """Room of a module; the package itself for its ``__init__``."""
        parts = name.split(".")
        return parts[1] if len(parts) > 1 else self.package

    def face_of(self, room: str) -> str:
        """Name of the module that is a room's face."""
        return self.package if room == self.package else f"{self.package}.{room}"

    def origin(self, item: Import) -> str | None:
        """Module that a name comes from, through faces that hand it on; None if it is outside the package.

        A name that an ``__init__.py`` defines itself comes from there.
        """
        visited: set[tuple[str, str]] = set()
        while True:
            if item.module not in self.modules:
                return None
            module = self.modules[item.module]
            if item.name is None or not module.is_package or (item.module, item.name) in visited:
                return item.module
            visited.add((item.module, item.name))
            handed_on = module.face.get(item.name)
            if handed_on is not None and handed_on.module.split(".")[0] == self.package:
                item = handed_on
                continue
            inner = f"{item.module}.{item.name}"
            return inner if inner in self.modules else item.module

    @cached_property
    def edges(self) -> dict[str, set[str]]:
        """Module -> modules that it imports when it runs, at the top or inside functions.

        A name from a lazy face leads to the module that has it, a name from an eager face also to the face.
        """
        edges: dict[str, set[str]] = {name: set() for name in self.modules}
        for name, module in self.modules.items():
            for item in module.imports:
                if item.for_types:
                    continue
                targets = {self.origin(item)}
                if item.module in self.modules and not self._is_lazy(item):
                    targets.add(item.module)
                edges[name] |= {target for target in targets if target is not None and target != name}
        return edges

    def _is_lazy(self, item: Import) -> bool:
        """Whether a package imports this name only on first use, so that importing the package does not."""
        module = self.modules[item.module]
        if not module.is_package or item.name is None:
            return False
        # A submodule that the face does not name is imported without anything that the face brings.
        handed_on = module.face.get(item.name)
        if handed_on is None:
            return f"{item.module}.{item.name}" in self.modules
        return module.stub_imports is not None or handed_on.for_types

    @cached_property
    def circles(self) -> list[list[str]]:
        """Shortest circle through the first module of each group of modules that import each other."""
        names = sorted(self.modules)
        places = {name: place for place, name in enumerate(names)}
        pairs = [(places[name], places[target]) for name, targets in self.edges.items() for target in targets]
        starts, ends = np.array(pairs, dtype=int).reshape(-1, 2).T
        graph = coo_array((np.ones(len(pairs)), (starts, ends)), shape=(len(names), len(names)))
        _, groups = connected_components(graph, connection="strong")
        members: dict[int, list[str]] = {}
        for name, group in zip(names, groups.tolist(), strict=True):
            members.setdefault(group, []).append(name)
        return [self._shortest_circle(group) for group in members.values() if len(group) > 1]

    @cached_property
    def circle_members(self) -> int:
        """Number of modules that lie in some circle."""
        reachable = {name: self._reachable(name) for circle in self.circles for name in self._reachable(circle[0])}
        return sum(name in targets for name, targets in reachable.items())

    def _reachable(self, start: str) -> set[str]:
        """Modules that are imported by a module, directly or through others."""
        reached: set[str] = set()
        waiting = deque(self.edges[start])
        while waiting:
            name = waiting.popleft()
            if name not in reached:
                reached.add(name)
                waiting.extend(self.edges[name])
        return reached

    def _shortest_circle(self, group: Sequence[str]) -> list[str]:
        """Shortest way from the first module of a group back to itself, without the repeated end."""
        start = group[0]
        before: dict[str, str] = {}
        waiting = deque([start])
        while waiting:
            name = waiting.popleft()
            for target in sorted(self.edges[name]):
                if target == start:
                    way = [name]
                    while way[-1] != start:
                        way.append(before[way[-1]])
                    return way[::-1]
                if target not in before:
                    before[target] = name
                    waiting.append(target)
        return list(group)

    @cached_property
    def bypasses(self) -> list[tuple[str, Import]]:
        """Imports from inside another room, those for types included, with the module that makes them."""
        return [(name, item) for name, item in self._all_imports() if self._is_bypass(name, item)]

    def _is_bypass(self, name: str, item: Import) -> bool:
        parts = item.module.split(".")
        if parts[0] != self.package or item.module == self.package:
            return False
        room = parts[1]
        if room == self.room(name):
            return False
        if item.module != self.face_of(room):
            return True
        face = self.modules.get(item.module)
        inner = f"{item.module}.{item.name}"
        return face is not None and item.name is not None and item.name not in face.face and inner in self.modules

    @cached_property
    def own_faces(self) -> list[tuple[str, Import]]:
        """Imports from the face of a folder by a module inside that folder."""
        return [
            (name, item)
            for name, item in self._all_imports()
            if item.module != self.package
            and name.startswith(f"{item.module}.")
            and f"{item.module}.{item.name}" not in self.modules
        ]

    @cached_property
    def private_names(self) -> list[tuple[str, Import]]:
        """Imports of names that begin with an underscore."""
        return [
            (name, item)
            for name, item in self._all_imports()
            if item.module in self.modules
            and item.name is not None
            and item.name.startswith("_")
            and not item.name.startswith("__")
        ]

    @cached_property
    def users(self) -> dict[str, set[str]]:
        """Module -> modules that use it, through faces or directly; faces themselves do not count."""
        users: dict[str, set[str]] = {name: set() for name in self.modules}
        for name, item in self._all_imports():
            origin = self.origin(item)
            if origin is not None and origin != name and not self.modules[name].is_package:
                users[origin].add(name)
        return users

    @cached_property
    def short_modules(self) -> list[tuple[str, int, str]]:
        """Modules under 80 lines with a single user, their lines and that user; compiled kernels are left out."""
        return [
            (name, module.lines, next(iter(self.users[name])))
            for name, module in sorted(self.modules.items())
            if module.lines < SHORT and not module.is_package and not module.is_kernel and len(self.users[name]) == 1
        ]

    def _all_imports(self) -> Iterator[tuple[str, Import]]:
        """Imports of every module and of its stub, those for types included."""
        for name, module in sorted(self.modules.items()):
            for item in (*module.imports, *(module.stub_imports or ())):
                yield name, item


def read_house(root: Path) -> House:
    """Parse all source files of a package.

    Parameters
    ----------
    root
        Folder of the package, as ``src/qdmol``.

    Raises
    ------
    FileNotFoundError
        If the folder holds no ``__init__.py``.
    """
    root = root.resolve()
    if not (root / "__init__.py").exists():
        raise FileNotFoundError(f"{root} is not a package: it has no __init__.py")
    modules = [_read_module(path, root) for path in sorted(root.rglob("*.py"))]
    return House(root.name, {module.name: module for module in modules})


def _read_module(path: Path, root: Path) -> Module:
    parts = path.relative_to(root.parent).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, str(path))
    stub = path.with_suffix(".pyi")
    stub_imports = None
    if is_package and stub.exists():
        stub_imports = tuple(_imports(ast.parse(stub.read_text(encoding="utf-8"), str(stub)), name))
    return Module(
        name=name,
        path=path,
        is_package=is_package,
        lines=len(text.splitlines()),
        imports=tuple(_imports(tree, name if is_package else name.rpartition(".")[0])),
        stub_imports=stub_imports,
        function_lengths=tuple(_function_lengths(tree)),
        dictionaries=sum(_is_any_dictionary(node) for node in ast.walk(tree)),
    )


def _imports(node: ast.AST, folder: str, *, for_types: bool = False) -> Iterator[Import]:
    """Imports below a node; `folder` is the package from which relative imports count."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_type_checking(child.test):
            for inner in child.body:
                yield from _imports(ast.Module([inner], []), folder, for_types=True)
            for inner in child.orelse:
                yield from _imports(ast.Module([inner], []), folder, for_types=for_types)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, None, child.lineno, for_types)
        elif isinstance(child, ast.ImportFrom):
            module = _absolute(child, folder)
            for alias in child.names:
                yield Import(module, alias.name, child.lineno, for_types)
        else:
            if isinstance(child, ast.Call):
                yield from _dynamic_import(child, for_types=for_types)
            yield from _imports(child, folder, for_types=for_types)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _absolute(statement: ast.ImportFrom, folder: str) -> str:
    """Absolute name of the module of ``from .module import name``."""
    if not statement.level:
        return statement.module or ""
    parts = folder.split(".")
    base = parts[: len(parts) - statement.level + 1]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _dynamic_import(call: ast.Call, *, for_types: bool) -> Iterator[Import]:
    """Import by ``import_module("name")`` with a literal name."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called in {"import_module", "__import__"} and call.args and isinstance(call.args[0], ast.Constant):
        yield Import(str(call.args[0].value), None, call.lineno, for_types)


def _function_lengths(tree: ast.AST) -> Iterator[int]:
    """Lines of each function, without its docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                text = node.body[0]
                length -= (text.end_lineno or text.lineno) - text.lineno + 1
            yield length


def _is_any_dictionary(node: ast.AST) -> bool:
    """Whether a node is a type such as ``dict[str, Any]``."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2):
        return False
    value = node.value
    mapping = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
    key, content = node.slice.elts
    held = content.attr if isinstance(content, ast.Attribute) else getattr(content, "id", "")
    return mapping in MAPPINGS and getattr(key, "id", "") == "str" and held == "Any"


def structure_report(house: House, *, details: bool = False) -> str:
    """Table of all measures and of the rooms; with `details` every place is listed.

    Circles are always listed.
    """
    modules = house.modules.values()
    lengths = [length for module in modules for length in module.function_lengths]
    measures = {
        "modules": sum(not module.is_package for module in modules),
        "faces (__init__.py)": sum(module.is_package for module in modules),
        "lines": sum(module.lines for module in modules),
        "circles of modules": len(house.circles),
        "modules in circles": house.circle_members,
        "imports that bypass a room's face": len(_statements(house.bypasses)),
        "imports of the face from inside its room": len(_statements(house.own_faces)),
        "types dict[str, Any] and Mapping[str, Any]": sum(module.dictionaries for module in modules),
        f"modules under {SHORT} lines with a single user": len(house.short_modules),
        "private names imported from other modules": len(house.private_names),
        "median length of a module (lines)": median(module.lines for module in modules),
        "functions": len(lengths),
        "median length of a function (lines, no docstring)": median(lengths) if lengths else 0,
    }
    lines = [f"{name:52} {value:>8g}" for name, value in measures.items()]
    lines += ["", *_room_lines(house)]
    lines += ["", *(_circle_sentence(circle) for circle in house.circles)] if house.circles else []
    if details:
        lines += ["", *_sentences(house.bypasses, "bypasses the room's face"), ""]
        lines += [*_sentences(house.own_faces, "imports from the face of its own room"), ""]
        lines += [*_sentences(house.private_names, "imports a private name"), ""]
        lines += [f"{name} ({count} lines) is used by {user} alone" for name, count, user in house.short_modules]
    return "\n".join(lines).rstrip() + "\n"


def _room_lines(house: House) -> Iterator[str]:
    """Table of the rooms."""
    rooms: dict[str, list[Module]] = {}
    for name, module in house.modules.items():
        rooms.setdefault(house.room(name), []).append(module)
    bypasses = Counter(house.room(name) for name, _, _ in _statements(house.bypasses))
    yield f"{'room':16} {'modules':>8} {'lines':>8} {'dict Any':>8} {'bypasses':>8}"
    for room, modules in sorted(rooms.items()):
        files = sum(not module.is_package for module in modules)
        counts = files, sum(m.lines for m in modules), sum(m.dictionaries for m in modules), bypasses[room]
        yield f"{room:16} " + " ".join(f"{count:>8}" for count in counts)


def _statements(imports: Sequence[tuple[str, Import]]) -> dict[tuple[str, int, str], list[str]]:
    """Importing module, line and imported module of each statement -> the names it takes."""
    statements: dict[tuple[str, int, str], list[str]] = {}
    for name, item in imports:
        statements.setdefault((name, item.line, item.module), []).append(item.name or "")
    return statements


def _sentences(imports: Sequence[tuple[str, Import]], fault: str) -> Iterator[str]:
    for (name, line, module), names in _statements(imports).items():
        taken = f"from {module} import {', '.join(names)}" if any(names) else f"import {module}"
        yield f"{name}, line {line}, {fault}: {taken}"


def _circle_sentence(circle: Sequence[str]) -> str:
    return f"circle of modules: {' -> '.join([*circle, circle[0]])}"


def faults(house: House) -> list[str]:
    """One sentence for each circle and each import that bypasses a face or comes from the own face."""
    return [
        *(_circle_sentence(circle) for circle in house.circles),
        *_sentences(house.bypasses, "bypasses the room's face"),
        *_sentences(house.own_faces, "imports from the face of its own room"),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure the structure of the source.")
    default = Path(__file__).resolve().parents[1] / "src" / "qdmol"
    parser.add_argument("--root", type=Path, default=default, help="folder of the package, or of a clone")
    parser.add_argument("--check", action="store_true", help="exit 1 if there are circles or bypassing imports")
    parser.add_argument("--details", action="store_true", help="list every place")
    options = parser.parse_args(arguments)
    clone = options.root / "src" / "qdmol"
    house = read_house(clone if clone.is_dir() else options.root)
    if not options.check:
        sys.stdout.write(structure_report(house, details=options.details))
        return 0
    sentences = faults(house)
    sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
    return 1 if sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
