"""Collect the pages' messages into the .po files and compile them; needs polib, not gettext.

    python vultus/web/locale/messages.py

A message that is new stands untranslated in the .po file, one that is gone is removed; a
test fails while any of them is missing, and when a .mo file is not that of its .po file.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib  # type: ignore[import-untyped]
from django.utils.translation.template import templatize

LOCALE = Path(__file__).parent
WEB = LOCALE.parent
LANGUAGES = {"fr": "nplurals=2; plural=(n > 1);", "nl": "nplurals=2; plural=(n != 1);"}
SINGLE = {"_", "gettext", "gettext_lazy"}
PLURAL = {"ngettext"}
CALL = re.compile(r"""\b(_|n?gettext)\(\s*(.*?)\s*\)(?=[\sX]|$)""", re.DOTALL)
Message = tuple[str, str | None]  # singular, plural


def collect() -> dict[Message, list[str]]:
    """Every message of the pages, with the files that hold it."""
    found: dict[Message, list[str]] = {}
    for path in sorted([*WEB.glob("*.py"), *WEB.glob("pages/*.html")]):
        text = path.read_text(encoding="utf-8")
        source = of_python(text) if path.suffix == ".py" else of_template(text)
        for message in source:
            places = found.setdefault(message, [])
            if path.name not in places:
                places.append(path.name)
    return found


def of_python(text: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
        strings = [value for value in texts if isinstance(value, str)]
        if node.func.id in SINGLE and strings:
            yield strings[0], None
        elif node.func.id in PLURAL and len(strings) >= 2:
            yield strings[0], strings[1]


def of_template(text: str) -> Iterator[Message]:
    """Django writes a template as if it were a program of gettext calls."""
    for call in CALL.finditer(templatize(text)):
        name, inside = call.groups()
        if name == "ngettext":
            inside = inside.removesuffix(",count").removesuffix(", count")
        value = ast.literal_eval(f"({inside},)")
        yield value[0], value[1] if name == "ngettext" else None


def po_path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def updated(language: str) -> polib.POFile:
    """The .po file of a language with exactly the messages that the pages hold now."""
    path = po_path(language)
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    known = {(entry.msgid, entry.msgid_plural or None): entry for entry in old}
    new = polib.POFile(wrapwidth=100)
    new.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": language,
        "Plural-Forms": LANGUAGES[language],
    }
    for (single, plural), places in sorted(collect().items(), key=lambda item: str(item[0])):
        before = known.get((single, plural))
        entry = polib.POEntry(msgid=single, occurrences=[(place, "") for place in places])
        if "%(" in single:
            entry.flags.append("python-format")
        if plural is None:
            entry.msgstr = before.msgstr if before else ""
        else:
            entry.msgid_plural = plural
            entry.msgstr_plural = before.msgstr_plural if before else {0: "", 1: ""}
        new.append(entry)
    return new


def main() -> None:
    for language in LANGUAGES:
        path = po_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue = updated(language)
        catalogue.save(str(path))
        catalogue.save_as_mofile(str(path.with_suffix(".mo")))
        missing = [entry.msgid for entry in catalogue if not entry.translated()]
        print(f"{language}: {len(catalogue)} messages, {len(missing)} not translated")
        for text in missing:
            print(f"  {text!r}")


if __name__ == "__main__":
    main()
