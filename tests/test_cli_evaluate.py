"""`vultus evaluate`: the contract's document, the page that loads nothing, what people read."""

import re
from html.parser import HTMLParser

import pytest
from homes import fill_folder, wall
from test_cli_contract import require

from vultus.cli.plot import Axis, Series, decades, draw
from vultus.cli.report import page

INTERVAL = {"low": float, "high": float}
VERIFICATION = INTERVAL | {
    "fmr": float, "threshold": float, "fnmr": float, "non_mated_accepted": int, "supported": bool,
}  # fmt: skip
FNIR = INTERVAL | {"n": int, "rank": int, "threshold": float, "fnir": float}
RATES = {
    "fnmr": {"0.01": float, "0.001": float, "0.0001": float, "1e-05": float},
    "verification": [VERIFICATION, ...],
    "fnir": [FNIR | {"fpir": float, "supported": bool}, ...],
}
DISCARD = {
    "discarded": float, "fnmr": (float, None), "n_mated": int, "removed_errors": float,
    "removed_mated": float,
}  # fmt: skip
EVALUATION = RATES | {
    "model": str, "seed": int, "n_people": int, "n_photos": int, "failure_to_acquire": float,
    "failure_to_enrol": float, "people_without_template": int, "refused": {str: int},
    "failed": {str: int}, "copies": int, "label_errors": (dict, None),
    "comparisons": {"mated": int, "non_mated": int},
    "searches": {"mated": int, "non_mated": int},
    "det": [{"threshold": float, "fmr": float, "fnmr": float}, ...],
    "investigation": [FNIR | {"candidates": int}, ...],
    "calibration": [INTERVAL | {
        "predicted": float, "observed": float, "n": int, "predicted_low": float,
        "predicted_high": float, "threshold": float, "extrapolated": bool,
    }, ...],
    "error_versus_discard": {"fmr": float, "threshold": float, "rows": [DISCARD, ...]},
    "groups": [{
        "label": str, "n_people": int, "n_mated": int, "fnmr": (float, None), "fnmr_low": float,
        "fnmr_high": float, "n_non_mated": int, "fmr": (float, None), "fmr_low": float,
        "fmr_high": float, "too_small": bool,
    }, ...],
}  # fmt: skip


class Page(HTMLParser):
    """Tags and attributes of a page; every element that must be closed is closed in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_evaluate(home, done, vultus, photos, tmp_path):
    fill_folder(photos, 4, 3)
    names = sorted(folder.name for folder in photos.iterdir())
    (photos / "nobody").mkdir()
    wall(photos / "nobody" / "wall.png")
    (tmp_path / "errors.txt").write_text(f"{names[0]} / {names[1]}")
    (tmp_path / "labels.csv").write_text(f"person,label\n{names[0]},left\n{names[2]},<right>\n")
    report = tmp_path / "report.html"
    document = done(
        home, "evaluate", photos, "--files", "--label-errors", tmp_path / "errors.txt",
        "--labels", tmp_path / "labels.csv", "--report", report, "--with-photos", "--seed", 3,
    )  # fmt: skip
    require(EVALUATION | {"files": {str: [str, ...]}}, document)
    assert document["files"] == {"photo.no_face": ["nobody/wall.png"]}
    assert (document["n_people"], document["n_photos"], document["seed"]) == (4, 10, 3)
    assert document["failure_to_acquire"] == 0.1
    assert document["people_without_template"] == 1
    dropped = document["label_errors"]
    require({"photos_dropped": int, "kept": RATES | {"n_people": int, "n_photos": int}}, dropped)
    assert (dropped["photos_dropped"], dropped["kept"]["n_photos"]) == (3, 13)
    assert [group["label"] for group in document["groups"]] == ["<right>", "left"]
    assert {row["rank"] for row in document["fnir"]} == {1, 2}
    assert [row["fpir"] for row in document["fnir"][::2]] == [0.003, 0.01, 0.1]
    assert [row["rank"] for row in document["investigation"]] == [1, 10, 50]
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text()
    Page(text)
    assert "&lt;right&gt;" in text
    assert "<right>" not in text


def test_what_people_read_and_the_page_without_photos(home, vultus, photos, tmp_path):
    fill_folder(photos, 3, 2)
    (photos / "nobody").mkdir()
    wall(photos / "nobody" / "wall.png")
    report = tmp_path / "report.html"
    report.write_text("an older one")
    said = vultus("evaluate", photos, "--report", report, home=home)
    assert said.code == 0
    assert "1 photo.no_face" in said.out
    assert "interval over people" in said.out
    assert "reading: 7 of 7" in said.err
    assert "measuring: 4 of 4" in said.err
    assert "Report written" in said.err
    text = report.read_text()
    found = Page(text)
    assert text.count("<svg") == 3
    assert not any(tag in {"script", "link", "iframe", "object", "img"} for tag, _ in found.tags)
    assert not [
        value
        for _, attrs in found.tags
        for name, value in attrs.items()
        if name in {"src", "href"} or name.startswith("on") or name == "style"
    ]
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|url\(|@import", text)
    for name in [*(folder.name for folder in photos.iterdir()), str(photos)]:
        assert name not in "".join(found.texts)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("DIR/none",), "evaluate.no_folder"),
        (("DIR",), "evaluate.no_people"),
        (("DIR", "--with-photos"), "usage"),
        (("DIR", "--seed", "x"), "usage"),
        (("DIR", "--seed", "-1"), "evaluate.seed"),
        (("DIR", "--report", "DIR/none/report.html"), "evaluate.report"),
        (("DIR", "--report", "DIR"), "evaluate.report"),
        (("DIR", "--label-errors", "DIR/none"), "evaluate.label_errors"),
        (("DIR", "--labels", "DIR/none"), "evaluate.labels"),
        ((), "usage"),
    ],
)
def test_wrong_calls_are_said_before_anything_is_read(home, vultus, photos, options, code):
    given = [option.replace("DIR", str(photos)) for option in options]
    said = vultus("evaluate", *given, "--json", home=home)
    assert (said.code, said.error) == (2, code)


# --- the page and its drawings ----------------------------------------------------------------


def document_of(**more):
    """The least that a page is made of: nothing erred, and most is unknown."""
    row = {"low": 0.0, "high": 0.1, "threshold": 0.5}
    return {
        "model": "m", "seed": 0, "n_people": 2, "n_photos": 3, "failure_to_acquire": 0.0,
        "failure_to_enrol": 0.0, "refused": {}, "failed": {}, "label_errors": None,
        "comparisons": {"mated": 1, "non_mated": 2}, "searches": {"mated": 1, "non_mated": 3},
        "verification": [row | {"fmr": 0.01, "fnmr": 0.0, "non_mated_accepted": 0,
                                "supported": False}],
        "fnir": [row | {"n": 1, "rank": 1, "fpir": 0.01, "fnir": 0.0, "supported": False}],
        "investigation": [row | {"n": 1, "rank": 1, "fnir": 0.0, "candidates": 50}],
        "det": [], "calibration": [], "groups": [],
        "error_versus_discard": {"fmr": 0.01, "threshold": 0.5, "rows": []},
    } | more  # fmt: skip


def test_a_page_of_hardly_anything():
    text = page(document_of())
    Page(text)
    assert "too few" in text
    Page(page(document_of(model="<script>alert(1)</script>")))
    assert "<script" not in page(document_of(model="<script>alert(1)</script>"))


def test_the_policy_admits_the_page_s_own_style():
    import base64
    import hashlib

    text = page(document_of())
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text


def test_axes():
    log = Axis("x", 1e-4, 1, log=True)
    assert [log.place(v) for v in (1e-5, 0, 1e-4, 1e-2, 1, 10)] == pytest.approx(
        [0, 0, 0, 0.5, 1, 1]
    )
    assert log.ticks() == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1])
    plain = Axis("x", 0, 50)
    assert plain.place(25) == 0.5
    assert plain.ticks() == [0, 10, 20, 30, 40, 50]
    assert Axis("y", 0, 1.587).ticks() == pytest.approx([0, 0.5, 1, 1.5])
    assert decades([0.02, 0.3, 0], 1e-4) == pytest.approx((0.01, 1))
    assert decades([], 1e-4) == pytest.approx((1e-4, 1e-3))
    assert decades([1e-9], 1e-4) == pytest.approx((1e-4, 1e-3))


def test_a_drawing_is_one_closed_element():
    text = draw(
        "A & B", Axis("x <", 0, 1), Axis("y", 1e-3, 1, log=True),
        [Series("one", [(0, 0.1), (1, 1)]), Series("", [(0.5, 0)], False, [(0, 0.1)])],
    )  # fmt: skip
    found = Page(text)
    assert found.tags[0][0] == "svg"
    assert "x &lt;" in text
    assert "A &amp; B" in text
    assert sum(tag == "circle" for tag, _ in found.tags) == 1
