"""The rules of the house that a program can check, over every tracked file."""

import ast
import os
import re
import subprocess
from pathlib import Path

from homes import REPOSITORY

FUNCTION_LINES_MAX, FILE_LINES_MAX = 70, 600
WRITERS_OF_VECTORS = "vectors"  # programs that are long lists of cases
# Folders below a package that hold no modules of ours: Django's, pages, texts, pictures.
DEEPER = {"migrations", "locale", "pages", "static"}
SKIPPED = {".git", ".venv", "__pycache__"}


def tracked():
    """Every file that git knows; without git (an unpacked archive), every file."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
        ).stdout.decode()
        names = [name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [
            os.path.relpath(Path(folder) / name, REPOSITORY)
            for folder, folders, files in os.walk(REPOSITORY)
            if not SKIPPED & set(Path(folder).parts)
            for name in files
        ]
    return [Path(name) for name in names if (REPOSITORY / name).is_file()]


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
OURS = [path for path in PYTHON if path.parts[0] == "vultus"]
TEXTS = [path for path in FILES if path.suffix in {".md", ".html"}]


def text_of(path):
    return (REPOSITORY / path).read_text(encoding="utf-8")


def tree_of(path):
    return ast.parse(text_of(path), str(path))


def test_there_is_something_to_check():
    assert len(OURS) > 80
    assert len(TEXTS) > 8


def test_functions_are_short():
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in PYTHON
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and WRITERS_OF_VECTORS not in path.parts
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert not long


def test_files_are_short():
    long = {
        f"{path}: {text_of(path).count(chr(10))}"
        for path in PYTHON
        if text_of(path).count("\n") > FILE_LINES_MAX and WRITERS_OF_VECTORS not in path.parts
    }
    assert not long


def test_the_tree_is_two_deep():
    deep = [
        path
        for path in OURS
        if len(path.parts) > 3 and not (DEEPER & set(path.parts)) and "vectors" not in path.parts
    ]
    assert not deep
    assert not [p for p in PYTHON if p.parts[0] == "tests" and len(p.parts) > 2 and
                p.parts[1] != "vectors"]  # fmt: skip


def test_every_module_says_what_it_is():
    silent = [
        path
        for path in PYTHON
        if text_of(path).strip()
        and not ast.get_docstring(tree_of(path))
        and "migrations" not in path.parts
    ]
    assert not silent


def public_functions(tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def test_what_the_numeric_packages_offer_is_documented():
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path in OURS
        if path.parts[1] in {"faces", "index", "scoring", "audit", "vault"}
        for node in public_functions(tree_of(path))
        if not ast.get_docstring(node) and node.name != "main"
    ]
    assert not silent


def test_no_module_is_dead():
    """Each is imported by another, or named in full where it is started by its name."""
    everything = {path: text_of(path) for path in FILES if path.suffix in {".py", ".toml", ".html"}}
    imported = set()
    for path, text in everything.items():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module)
                    imported |= {f"{node.module}.{name.name}" for name in node.names}
                elif isinstance(node, ast.Import):
                    imported |= {name.name for name in node.names}
    dead = []
    for path in OURS:
        if path.stem in {"__init__", "__main__"} or "migrations" in path.parts:
            continue
        name = ".".join(path.with_suffix("").parts)
        named = any(name in text for other, text in everything.items() if other != path)
        if name not in imported and not named and "locale" not in path.parts:
            dead.append(name)
    assert not dead


# --- words --------------------------------------------------------------------------------------

BANNED = {
    "match", "matches", "matching", "hit", "hits", "query", "target", "suspect", "confidence",
    "utils", "util", "common", "core", "helper", "helpers", "manager", "service", "services",
    "faceprint", "album", "impostor", "genuine", "tenant",
}  # fmt: skip
# Names that the contract or the field gives, two of mathematics, where a log-in leads, and
# Common Crawl, which is called so.
ALLOWED_NAMES = {
    "false_match_rate", "false_non_match_rate", "no_likely_match", "target", "core", "CORE",
    "common_crawl", "COMMON_CRAWL",
}  # fmt: skip
PLACES_OF_ALLOWED = {
    "target": {"align.py", "pages.py", "session.py"},
    "core": {"quality.py"},
    "CORE": {"quality.py"},
}
ALLOWED_TEXTS = re.compile(
    r"no[ _-]likely[ _-]match|false[ -](non-)?match(es)?|\(false match rate\)|false_match_rate"
    r"|context manager|password manager|key service|cleaned_data|querySelector|queryset"
    r"|`[^`]*`|<[^>]*>|\{[%{][^}]*\}|\"[^\"]*match[^\"]*\"",
    re.IGNORECASE,
)
# Files that speak of the words themselves, or of what others call things.
ABOUT_WORDS = {"GLOSSARY.md", "THIRD_PARTY.md"}


def words(name):
    """The words of a name, in snake or camel case."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def defined_names(tree):
    """Every name that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_no_name_uses_a_word_that_means_something_else_here():
    wrong = [
        f"{path}: {name}"
        for path in OURS
        for name in {*defined_names(tree_of(path)), path.stem}
        if words(name) & BANNED
        and not (name in ALLOWED_NAMES and path.name in PLACES_OF_ALLOWED.get(name, {path.name}))
    ]
    assert not wrong


def test_no_text_says_more_than_is_known():
    """Candidate, not match; score, not confidence; nobody is a suspect."""
    said = re.compile(
        r"\b(match|matches|matched|hits?|suspects?|confidence|faceprints?)\b", re.IGNORECASE
    )
    wrong = [
        f"{path}:{n}: {line.strip()}"
        for path in TEXTS
        if path.name not in ABOUT_WORDS
        for n, line in enumerate(text_of(path).splitlines(), 1)
        if said.search(ALLOWED_TEXTS.sub("", line))
    ]
    assert not wrong


def test_no_file_names_the_host_of_a_package_registry():
    """Where packages come from is the installer's business, and not the same everywhere."""
    hosts = [".".join(parts) for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"),
        ("anaconda", "org"), ("crates", "io"), ("rubygems", "org"), ("unpkg", "com"),
        ("jsdelivr", "net"),
    )]  # fmt: skip
    wrong = []
    for path in FILES:
        data = (REPOSITORY / path).read_bytes()
        wrong += [f"{path}: {host}" for host in hosts if host.encode() in data]
    assert not wrong


def test_no_file_holds_a_key():
    private = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|vultus-key-1\n[A-Za-z0-9+/]{43}=")
    allowed = {Path("docs/formats/key-file.md"), Path("tests/test_vault_key.py")}
    wrong = [
        path
        for path in FILES
        if path not in allowed and private.search((REPOSITORY / path).read_bytes())
    ]
    assert not wrong


def test_nothing_is_printed_but_by_those_who_speak_to_people():
    """Standard output belongs to the command line's one document."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in OURS
        if path.parts[1] not in {"cli", "web"} and path.name != "__main__.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "input", "breakpoint", "exec", "eval"}
    ]
    assert not wrong
