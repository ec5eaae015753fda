"""Every kind of audit entry says what it holds and what may name somebody."""

import re
from pathlib import Path

import pytest

from vultus.audit.kind import DECLARATIONS, EntryKind

PAGE = (Path(__file__).parent.parent / "docs" / "formats" / "audit-log.md").read_text()
# What says who somebody is, where a photo of them lies, or can be typed freely.
PERSONAL = {
    "address",
    "caption",
    "email",
    "legal_basis",
    "location",
    "name",
    "note",
    "page_url",
    "path",
    "path_or_url",
    "purpose",
    "sponsor",
}


def test_no_kind_exists_without_a_declaration():
    assert set(DECLARATIONS) == set(EntryKind)


def test_kinds_are_noun_verb_and_in_alphabetical_order():
    values = [kind.value for kind in EntryKind]
    assert values == sorted(values)
    assert list(DECLARATIONS) == list(EntryKind)
    for kind in EntryKind:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+", kind.value)
        assert kind.name == kind.value.upper().replace(".", "_")


@pytest.mark.parametrize("kind", EntryKind)
def test_a_declaration_is_whole(kind):
    declaration = DECLARATIONS[kind]
    assert declaration.says.endswith(".")
    assert declaration.holds
    assert not declaration.plain & declaration.personal
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", field) for field in declaration.holds)


@pytest.mark.parametrize("kind", EntryKind)
def test_what_is_personal_is_declared_so(kind):
    assert not DECLARATIONS[kind].plain & PERSONAL


@pytest.mark.parametrize("kind", EntryKind)
def test_the_page_says_the_same(kind):
    declaration = DECLARATIONS[kind]

    def names(fields):
        return ", ".join(f"`{field}`" for field in sorted(fields))

    row = f"| {declaration.says} | {names(declaration.plain)} | {names(declaration.personal)} |"
    assert f"| `{kind}` {row}\n" in PAGE


def test_the_page_names_no_other_kind():
    assert len(re.findall(r"(?m)^\| `[a-z_]+\.[a-z]+` \| [A-Z].*\.", PAGE)) == len(EntryKind)
