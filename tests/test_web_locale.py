"""Nothing on a page is left untranslated, and what is compiled is what was translated."""

import importlib.util
import re
from pathlib import Path

import polib
import pytest

PATH = Path(__file__).resolve().parents[1] / "vultus" / "web" / "locale" / "messages.py"
spec = importlib.util.spec_from_file_location("messages", PATH)
assert spec
assert spec.loader
messages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(messages)
LANGUAGES = sorted(messages.LANGUAGES)
HOLES = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    catalogue = polib.pofile(str(messages.po_path(language)))
    held = {(entry.msgid, entry.msgid_plural or None) for entry in catalogue}
    assert held == set(messages.collect())
    assert not [entry.msgid for entry in catalogue if not entry.translated() or entry.fuzzy]
    assert not [e.msgid for e in catalogue if e.msgid_plural and not all(e.msgstr_plural.values())]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_holes_that_the_page_fills(language: str) -> None:
    for entry in polib.pofile(str(messages.po_path(language))):
        wanted = set(HOLES.findall(entry.msgid)) | set(HOLES.findall(entry.msgid_plural))
        texts = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        for text in texts:
            assert set(HOLES.findall(text)) <= wanted, entry.msgid
        assert set(HOLES.findall(list(texts)[-1])) == wanted, entry.msgid


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_messages_are_those_of_the_catalogue(language: str) -> None:
    path = messages.po_path(language)
    assert polib.pofile(str(path)).to_binary() == path.with_suffix(".mo").read_bytes()


def test_messages_are_found_in_python_and_in_pages() -> None:
    found = messages.collect()
    assert ("in every search", None) in found
    assert ("%(n)s candidate", "%(n)s candidates") in found
    assert ("Log in", None) in found
    assert "log_in.html" in found["Log in", None]
