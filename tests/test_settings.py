"""Settings: typed, bounded, unknown keys refused, the environment wins."""

import json
import math
from dataclasses import fields

import pytest
from homes import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import InputError, UnavailableError
from vultus.settings import NUMBER_MAX, Settings, load_settings, n_workers, settings_page

NAMES = [f.name for f in fields(Settings)]
LEAST = {f.name: f.metadata["least"] for f in fields(Settings)}
CHOICES = {f.name: f.metadata["choices"] for f in fields(Settings)}
DEFAULTS = Settings()
TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=30)


def values(name):
    """Values that the setting may have."""
    default, least = getattr(DEFAULTS, name), LEAST[name]
    if CHOICES[name]:
        return st.sampled_from(CHOICES[name])
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(math.ceil(least), NUMBER_MAX)
    if isinstance(default, float):
        return st.floats(least, NUMBER_MAX)
    if isinstance(default, tuple):
        return st.lists(TEXT.map(str.strip).filter(lambda x: x and "," not in x)).map(tuple)
    return TEXT


CHOSEN = st.fixed_dictionaries({}, optional={name: values(name) for name in NAMES})


def toml(value):
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def written(folder, text):
    (folder / "vultus.toml").write_text(text, encoding="utf-8")
    return folder


def refused(folder, text, environ=None):
    with pytest.raises(InputError) as caught:
        load_settings(written(folder, text), environ or {})
    assert caught.value.hint
    return caught.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


@given(CHOSEN)
def test_what_is_in_the_file_is_what_is_read(folder, chosen):
    text = "".join(f"{name} = {toml(value)}\n" for name, value in chosen.items())
    read = load_settings(written(folder, text), {"PATH": "/bin", "VULTUS_HOME": "elsewhere"})
    for name in NAMES:
        assert getattr(read, name) == chosen.get(name, getattr(DEFAULTS, name))


@given(CHOSEN, CHOSEN)
def test_the_environment_wins(folder, in_file, in_environment):
    text = "".join(f"{name} = {toml(value)}\n" for name, value in in_file.items())
    environ = {
        f"VULTUS_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in in_environment.items()
    }
    read = load_settings(written(folder, text), environ)
    expected = {name: getattr(DEFAULTS, name) for name in NAMES} | in_file | in_environment
    assert {name: getattr(read, name) for name in NAMES} == expected


@given(st.sampled_from(NAMES), st.one_of(st.integers(), st.floats(), st.text("ab1"), st.booleans()))
def test_a_value_of_another_type_or_out_of_range_is_refused(folder, name, value):
    default = getattr(DEFAULTS, name)
    number = isinstance(default, int | float) and not isinstance(default, bool)
    fits = type(value) is type(default) or (type(default) is float and type(value) is int)
    if fits and (LEAST[name] <= value <= NUMBER_MAX if number else not CHOICES[name]):
        return
    shown = str(value) if isinstance(value, float) else toml(value)
    wanted = "settings.out_of_range" if fits else "settings.wrong_type"
    if fits and CHOICES[name]:
        wanted = "settings.not_a_choice"
    assert refused(folder, f"{name} = {shown}\n") in {wanted, "settings.malformed"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("candidates = 5", "settings.unknown"),
        ("[n_workers]\na = 1", "settings.wrong_type"),
        ("[other]\nn_workers = 1", "settings.unknown"),
        ("N_WORKERS = 1", "settings.unknown"),
        ("n_workers = true", "settings.wrong_type"),
        ("n_workers = 1.0", "settings.wrong_type"),
        ("n_workers = -1", "settings.out_of_range"),
        ("candidates_max = 0", "settings.out_of_range"),
        ("photo_seconds_max = 0", "settings.out_of_range"),
        ("max_false_positives = 0.0", "settings.out_of_range"),
        ("max_false_positives = nan", "settings.out_of_range"),
        ("max_false_positives = inf", "settings.out_of_range"),
        ("web_over_tls = 1", "settings.wrong_type"),
        ("web_hosts = 'localhost'", "settings.wrong_type"),
        ("web_hosts = [1]", "settings.wrong_type"),
        ("index_rows = 'float16'", "settings.not_a_choice"),
        ("index_rows = 8", "settings.wrong_type"),
        ("index_segment_references = 0", "settings.out_of_range"),
        ("key_file = ", "settings.malformed"),
        ("key_file = 'a'\nkey_file = 'b'", "settings.malformed"),
    ],
)
def test_what_the_file_may_not_hold(folder, text, code):
    assert refused(folder, text) == code


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("VULTUS_N_WORKER", "1", "settings.unknown"),
        ("VULTUS_", "1", "settings.unknown"),
        ("VULTUS_N_WORKERS", "many", "settings.wrong_type"),
        ("VULTUS_N_WORKERS", "", "settings.wrong_type"),
        ("VULTUS_N_WORKERS", "-1", "settings.out_of_range"),
        ("VULTUS_MAX_FALSE_POSITIVES", "nan", "settings.out_of_range"),
        ("VULTUS_WEB_OVER_TLS", "yes", "settings.wrong_type"),
    ],
)
def test_what_the_environment_may_not_hold(folder, name, text, code):
    assert refused(folder, "", {name: text}) == code


def test_a_list_in_the_environment_is_separated_by_commas(folder):
    environ = {"VULTUS_ACQUIRE_TEST_HOSTS": "127.0.0.1:80, localhost:81,"}
    read = load_settings(written(folder, ""), environ)
    assert read.acquire_test_hosts == ("127.0.0.1:80", "localhost:81")


def test_without_a_home_there_are_no_settings(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "none", tmp_path / "file", tmp_path):
        with pytest.raises(UnavailableError) as caught:
            load_settings(place, {})
        assert caught.value.code == "home.missing"
        assert str(place) in caught.value.message
        assert "init" in caught.value.hint


def test_a_file_that_is_no_text_or_no_file_is_named(tmp_path):
    (tmp_path / "vultus.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError) as caught:
        load_settings(tmp_path, {})
    assert caught.value.code == "settings.malformed"
    (tmp_path / "vultus.toml").unlink()
    (tmp_path / "vultus.toml").mkdir()
    with pytest.raises(UnavailableError) as caught:
        load_settings(tmp_path, {})
    assert caught.value.code == "home.unreadable"


def test_no_number_of_workers_means_one_a_core():
    assert n_workers(Settings()) >= 1
    assert n_workers(Settings(n_workers=7)) == 7


def test_every_setting_is_said_in_the_page_and_the_page_is_the_generated_one():
    page = REPOSITORY / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page(), (
        f"write it anew: python -c 'from vultus.settings import settings_page as page; "
        f"print(page(), end=str())' > {page}"
    )
    for f in fields(Settings):
        assert f"| `{f.name}` |" in settings_page()
        assert f.metadata["says"].endswith(".")


def test_the_environment_names_that_are_no_settings_are_few():
    from vultus.settings import NOT_SETTINGS

    assert {"VULTUS_HOME"} == NOT_SETTINGS
