"""Writes the manifests beside it with iiif-prezi3 3.1.1: `python tests/vectors/iiif/generate.py`.

They are what another tool makes of the calls below. iiif-prezi3 is no requirement of the tests: it
wants an older Pillow than we have, so it is installed by itself where the files are made anew.
"""

import json
from pathlib import Path

from iiif_prezi3 import Collection, KeyValueString, Manifest, config

PLACE = "https://archive.example/iiif"


def portrait():
    config.configs["helpers.auto_fields.AutoLang"].auto_lang = "en"
    manifest = Manifest(
        id=f"{PLACE}/portrait/manifest.json",
        label={"en": ["Two women at a desk"], "nl": ["Twee vrouwen aan een bureau"]},
        summary={"nl": ["<p>Redactie van <b>De Dag</b></p>"], "fr": ["Rédaction du journal"]},
        metadata=[
            KeyValueString(label={"nl": ["Datum"]}, value={"none": ["12 mei 1978"]}),
            KeyValueString(label={"nl": ["Fotograaf"]}, value={"none": ["A. Voorbeeld"]}),
            KeyValueString(label={"nl": ["Afgebeelde personen"]},
                           value={"none": ["Jansen, Mia", "Peeters, Lea"]}),
        ],
        requiredStatement=KeyValueString(label="Attribution", value="Collection De Dag"),
        rights="http://creativecommons.org/licenses/by/4.0/",
        navDate="1978-01-01T00:00:00Z",
        homepage=[{"id": "https://archive.example/objects/7", "type": "Text",
                   "label": {"en": ["The object's page"]}, "format": "text/html"}],
        provider=[{"id": "https://archive.example/", "type": "Agent",
                   "label": {"en": ["The Archive"]}}],
    )  # fmt: skip
    for n, label in ((1, "front"), (2, "back")):
        canvas = manifest.make_canvas(
            id=f"{PLACE}/portrait/canvas/{n}", label=label, height=1800, width=1200
        )
        page = canvas.add_image(
            image_url=f"https://images.example/iiif/3/portrait-{n}/full/max/0/default.jpg",
            anno_page_id=f"{PLACE}/portrait/page/{n}",
            anno_id=f"{PLACE}/portrait/annotation/{n}",
            format="image/jpeg", height=1800, width=1200,
        )  # fmt: skip
        page.items[0].body.make_service(
            id=f"https://images.example/iiif/3/portrait-{n}", type="ImageService3",
            profile="level1",
        )  # fmt: skip
    return manifest


def static():
    manifest = Manifest(id=f"{PLACE}/static/manifest.json", label={"none": ["Street"]})
    canvas = manifest.make_canvas(id=f"{PLACE}/static/canvas", height=100, width=200)
    canvas.add_image(
        image_url="https://images.example/street.png",
        anno_page_id=f"{PLACE}/static/page", anno_id=f"{PLACE}/static/annotation",
        format="image/png", height=100, width=200,
    )  # fmt: skip
    return manifest


def collection(*manifests):
    made = Collection(id=f"{PLACE}/collection.json", label={"en": ["All"]})
    for manifest in manifests:
        made.add_item(manifest)
    return made


def written():
    both = portrait(), static()
    documents = {"portrait": both[0], "static": both[1], "collection": collection(*both)}
    return {name: json.loads(made.json()) for name, made in documents.items()}


if __name__ == "__main__":
    for name, document in written().items():
        text = json.dumps(document, indent=1, ensure_ascii=False)
        Path(__file__).with_name(f"{name}.json").write_text(text + "\n", encoding="utf-8")
