"""Checks that every Python file of this repository starts, without the packages it needs.

    python3 tools/check_python.py [FILE ...]    # default: all files that git knows

Scripts here need PyTorch and more, which most machines lack. This program puts empty
stand-ins in place of every package that is neither Python's own nor this repository's,
and then, in a process for each file,

- runs a script with --help, if it reads its arguments with argparse and has a main guard;
- imports any other file that has a main guard or belongs to a package;
- runs only the imports of all others (the makers of golden files, which work at once).

So a name that moved to another module, a wrong sys.path or a typing error is found. What a
script asks of a package is not. It prints each file that fails and exits with 1 if any did.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import runpy
import subprocess
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Anything(type):
    """The class of stand-ins: every attribute is another one, and it can be a base class."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (StandIn,), {})

    def __iter__(cls):
        return iter(())


class StandIn(metaclass=Anything):
    """What calling a stand-in returns. As a decorator it changes nothing."""

    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        return getattr(type(self), name)

    def __call__(self, *args, **kwargs):
        return args[0] if len(args) == 1 and callable(args[0]) else self

    def operate(self, *others):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = operate
    __pow__ = __rpow__ = __matmul__ = __neg__ = __and__ = __or__ = __xor__ = __getitem__ = operate


class StandInModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module that is neither Python's nor in a folder of this repository."""

    def __init__(self, own):
        self.own = own  # top-level names of this repository's modules

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in self.own:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__getattr__ = lambda name: getattr(StandIn, name)


def tracked():
    """All Python files that git knows, except this one and its test."""
    out = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [ROOT / line for line in out.splitlines() if not line.startswith("tools/")]


def imports(tree):
    """The imports of a file, functions' included, and the statements that say where from."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.append(node)
        elif isinstance(node, (ast.Assign, ast.Expr)):
            text = ast.unparse(node)
            if "sys.path" in text or (node in tree.body and isinstance(node, ast.Assign) and "__file__" in text):
                found.append(node)
    return ast.Module(sorted(found, key=lambda node: node.lineno), [])


def has_main_guard(tree):
    return any(isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) for node in tree.body)


def check_attributes(tree, names, path):
    """Raises AttributeError for m.x where m is a module of this repository without an x."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = names.get(node.value.id)
            own = getattr(module, "__spec__", None) and not isinstance(module.__spec__.loader, StandInModules)
            if own and not hasattr(module, node.attr):
                raise AttributeError(f"{path}:{node.lineno}: module {node.value.id} has no {node.attr}")


def check(path):
    """Starts one file, in this process; raises what it raises."""
    tree = ast.parse(path.read_text(), str(path))
    package = (path.parent / "__init__.py").exists()
    folder = path.parent.parent if package else path.parent
    sys.path.insert(0, str(folder))
    if package:
        importlib.import_module(".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"))
        return
    names = {"__file__": str(path), "__name__": path.stem}
    exec(compile(imports(tree), str(path), "exec"), names)
    check_attributes(tree, names, path)
    if not has_main_guard(tree):
        return
    if "argparse" not in names:
        importlib.import_module(path.stem)
        return
    sys.argv = [str(path), "--help"]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as e:
        if e.code:
            raise RuntimeError(f"--help exits with {e.code}") from e


def one(path):
    """What a child process does: 0 if the file starts."""
    files = [*tracked(), *path.parent.glob("*.py")]
    own = {p.parent.name if (p.parent / "__init__.py").exists() else p.stem for p in files}
    sys.meta_path.insert(0, StandInModules(own))
    try:
        check(path)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def main():
    if sys.argv[1:2] == ["--one"]:
        sys.exit(one(Path(sys.argv[2]).resolve()))
    files = [Path(f).resolve() for f in sys.argv[1:]] or tracked()
    failed = 0
    for path in files:
        r = subprocess.run([sys.executable, "-B", __file__, "--one", path], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)  # fmt: skip
        if r.returncode:
            failed += 1
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            lines = r.stderr.strip().splitlines()
            print(f"{name}: {lines[-1] if lines else f'exit status {r.returncode}'}")
    print(f"{len(files) - failed} of {len(files)} Python files start")
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
