"""Does the package keep the shape that docs/architecture.md gives it?"""

import ast
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import taylornb

ROOT = Path(taylornb.__file__).parent
ELEMENTARY = "targets.llvm.elementary"
LAYERS = [
    ["errors", "support", "number", "version", "buffers", "threads", "layout", "containers", "pytorch"],
    ["cache"],
    ["basis"],
    ["graph"],
    ["rules"],
    ["targets.cuda.provider"],
    ["targets.cuda.memory", "targets.cuda.launching"],
    ["targets.cuda.foreign"],
    ["targets.cuda.libraries"],
    ["operand"],
    ["detach", "structure", "written"],
    ["inplace"],
    ["ops"],
    ["powers", "special"],
    ["surface"],
    ["trace"],
    ["program", "recurrence"],
    ["degrees", "pressure"],
    ["segments"],
    ["rolled", "presence", "series"],
    ["runs"],
    ["pieces"],
    ["steps"],
    ["loops"],
    ["libm"],
    ["targets.zetas"],
    ["targets.reference"],
    ["targets.multiprecision", "targets.source", "targets.numba", "targets.llvm.machine"],
    ["targets.cuda.text", "targets.cuda.portable"],
    ["targets.cuda.scratch"],
    ["targets.cuda.sums"],
    ["targets.cuda.looped", "targets.cuda.segmented"],
    ["targets.cuda.compiled", "targets.cuda.occupancy"],
    ["targets.llvm.text", "targets.llvm.libmvec"],
    ["targets.llvm.huge"],
    [f"{ELEMENTARY}.{numbers}" for numbers in ("polynomials", "tables", "registers")],
    [f"{ELEMENTARY}.pieces"],
    [
        f"{ELEMENTARY}.{family}"
        for family in ("angles", "circular", "exponentials", "logarithms", "remainders", "roots", "zetas")
    ],
    [f"{ELEMENTARY}.{family}" for family in ("errors", "gammas", "hyperbolic", "inverse_hyperbolic", "powers")],
    [f"{ELEMENTARY}.tabulated"],
    [ELEMENTARY],
    ["targets.llvm.blocks", "targets.llvm.functions"],
    ["targets.llvm.frame"],
    ["targets.llvm.unrolled", "targets.llvm.scratch"],
    ["targets.llvm.sums"],
    ["targets.llvm.tiles", "targets.llvm.runs"],
    ["targets.llvm.looped"],
    ["forms"],
    ["targets.llvm.entry"],
    ["crew"],
    ["kernels"],
    ["gpu"],
    ["device", "elements"],
    ["launch"],
    ["reading"],
    ["evaluate"],
    ["notation"],
    ["array"],
    ["out"],
    ["repeat"],
    ["signature", "scalar", "traced"],
    ["create", "fuse", "functions"],
    ["weird", "points", "worlds"],
    ["agreement"],
    ["differences"],
    ["checks"],
    ["derivatives", "testing", "info"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FREE = {"__init__", "__main__", "targets.__init__", "targets.cuda.__init__", "targets.llvm.__init__"}


def modules():
    names = [path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in sorted(ROOT.rglob("*.py"))]
    found = [name for name in names if name not in FREE and not name.startswith("tour")]
    return [name.removesuffix(".__init__") for name in found]


def imports(name):
    """The modules of the package that a module imports when it runs (not for type checking alone)."""
    file = ROOT / (name.replace(".", "/") + ".py")
    package = name.split(".")[: -1 if file.exists() else None]
    tree = ast.parse((file if file.exists() else file.with_suffix("") / "__init__.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body.clear()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) + 1 - node.level], *(node.module or "").split(".")]
            found = ".".join(part for part in base if part)
            yield from (
                [found] if node.module and found in LEVEL else [".".join(filter(None, (found, a.name))) for a in node.names]
            )


@pytest.mark.parametrize("name", modules())
def test_each_module_imports_only_those_before_it(name):
    assert name in LEVEL, "a new module has a place in the order of the data flow"
    late = [other for other in imports(name) if other in LEVEL and LEVEL[other] >= LEVEL[name]]
    assert not late


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.name)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= 350
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name
            assert len(node.args.args) + len(node.args.kwonlyargs) <= 7, node.name
            hidden = [ast.unparse(inner) for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
            assert all("matplotlib" in line for line in hidden), (node.name, hidden)


def test_importing_compiles_nothing_and_needs_no_optional_package():
    code = (
        "import sys\n"
        "import taylornb, taylornb.kernels as kernels\n"
        "assert kernels.compilations() == 0\n"
        "optional = {'numba', 'scipy', 'mpmath', 'matplotlib', 'torch', 'jax'} & set(sys.modules)\n"
        "assert not optional, optional\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_helpers_for_tests_are_there_when_they_are_asked_for():
    code = (
        "import sys\n"
        "import taylornb as tn\n"
        "assert 'taylornb.testing' not in sys.modules\n"
        "tn.testing.assert_agree(1.0, 1.0)\n"
        "assert not hasattr(tn, 'no_such_name')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_python_is_installed_too():
    declared = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    patterns = {f"{package.replace('.', '/')}/{pattern}" for package, own in declared.items() for pattern in own}
    files = [path for path in ROOT.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert len(files) >= 2
    for path in files:
        name = path.relative_to(ROOT.parent).as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns), name
