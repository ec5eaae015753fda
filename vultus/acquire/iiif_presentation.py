"""IIIF manifests and collections: which images they paint and which further documents they name.

IIIF Presentation API 3.0 sections 2, 3 and 5, and 2.0/2.1 sections 3 to 5. The reader is ours:
iiif-prezi3 models 3.0 alone, refuses a document for its smallest fault, and knows no bound.

Only what is below a document is followed, never `partOf` or `within`, `seeAlso`, `rendering` or
`start`: what is above a collection is not what its owner was asked for.
"""

from collections.abc import Iterator, Mapping

from vultus.acquire.document import mappings, text_of, texts
from vultus.acquire.found import Found, Item, Link, Refused, Role
from vultus.acquire.iiif_image import rendition
from vultus.acquire.iiif_text import Said, beside, said_by
from vultus.acquire.linked import linked
from vultus.acquire.wording import Wording

MAX_PHOTOS = 20_000
MAX_LINKS = 100_000
MAX_NESTED = 5  # bodies within bodies
Resource = Mapping[str, object]


def read_manifest(url: str, manifest: Resource) -> Found:
    """Every image that the manifest paints, once, in order; those behind a log-in are refused.

    A manifest that paints none is `gone`: it may have painted some before. Raises ValueError for
    more than MAX_PHOTOS.
    """
    origin = linked(url, text_of(manifest, "id", "@id")) or linked(url, url)
    whole = said_by(url, manifest)
    canvases = list(canvases_of(manifest))
    photos: dict[str, Item] = {}
    refused: dict[str, Refused] = {}
    for canvas in canvases:
        images = list(painted(canvas))
        around = said_by(url, canvas) if images else Said()
        title = title_of(whole, around, len(canvases))
        for image in images:
            place = rendition(url, image)
            if place is None or place.url in photos or place.url in refused:
                continue
            if len(photos) + len(refused) >= MAX_PHOTOS:
                raise ValueError(f"expected at most {MAX_PHOTOS} images in a manifest")
            if place.needs_login:
                refused[place.url] = Refused(place.url, "iiif.login")
                continue
            photos[place.url] = Item(
                place.url,
                around.page or whole.page,
                origin=origin,
                beside=beside(said_by(url, image), around, whole, title),
            )
    gone = (origin,) if origin and not photos else ()
    return Found(tuple(photos.values()), gone=gone, refused=tuple(refused.values()))


def read_collection(url: str, collection: Resource) -> Found:
    """Links to the members of a collection and to its pages (2.1 section 5.8).

    Raises ValueError for more than MAX_LINKS.
    """
    members: list[object] = []
    for key in ("items", "collections", "manifests", "members"):
        listed = collection.get(key)
        members += listed if isinstance(listed, list) else [] if listed is None else [listed]
    members += [collection.get("first"), collection.get("next")]
    found: dict[str, None] = {}
    for member in members:
        named = text_of(member, "id", "@id") if isinstance(member, dict) else member
        kind = kind_of(member) if isinstance(member, dict) else ""
        if isinstance(named, str) and kind in {"", "Collection", "Manifest"}:
            place = linked(url, named)
            if place is not None:
                found[place] = None
    if len(found) > MAX_LINKS:
        raise ValueError(f"expected at most {MAX_LINKS} members of a collection")
    found.pop(linked(url, url) or "", None)
    return Found(links=tuple(Link(Role.IIIF, place) for place in found))


def read_image(url: str, info: Resource) -> Found:
    """The image of an info.json (IIIF Image API), which says nothing beside it but its rights."""
    own = {"id": text_of(info, "id", "@id") or url.removesuffix("/info.json")}
    place = rendition(url, {"service": {**info, **own}})
    if place is None:
        return Found()
    if place.needs_login:
        return Found(refused=(Refused(place.url, "iiif.login"),))
    said = beside(said_by(url, info), Said(), Said(), None)
    return Found((Item(place.url, origin=linked(url, url), beside=said),))


def kind_of(resource: Resource) -> str:
    """The class of a resource without its prefix: `Manifest` of `sc:Manifest`."""
    kinds = [text for key in ("type", "@type") for text in texts(resource.get(key))]
    return kinds[0].rpartition(":")[2] if kinds else ""


def canvases_of(manifest: Resource) -> Iterator[Resource]:
    for sequence in mappings(manifest.get("sequences")):
        yield from mappings(sequence.get("canvases"))
    for item in mappings(manifest.get("items")):
        if kind_of(item) == "Canvas":
            yield item


def painted(canvas: Resource) -> Iterator[Resource]:
    """The image resources that are painted on a canvas, those of a choice each."""
    annotations = [(annotation, "resource") for annotation in mappings(canvas.get("images"))]
    for page in mappings(canvas.get("items")):
        annotations += [(annotation, "body") for annotation in mappings(page.get("items"))]
    for annotation, key in annotations:
        motives = texts(annotation.get("motivation"))
        if not motives or any(motive.rpartition(":")[2] == "painting" for motive in motives):
            yield from images_of(annotation.get(key))


def images_of(body: object, depth: int = 0) -> Iterator[Resource]:
    """The images of a body: itself, the source of a part of one, or the items of a choice."""
    if depth > MAX_NESTED:
        return
    for part in mappings(body):
        kind = kind_of(part)
        if kind == "Choice":
            for key in ("default", "items", "item"):
                yield from images_of(part.get(key), depth + 1)
        elif kind == "SpecificResource":
            for key in ("source", "full"):
                inner = part.get(key)
                whole: object = {"id": inner, "type": "Image"} if isinstance(inner, str) else inner
                yield from images_of(whole, depth + 1)
        elif kind == "Image" or text_of(part, "format").startswith("image/"):
            yield part


def title_of(manifest: Said, canvas: Said, n_canvases: int) -> Wording | None:
    """The manifest's label; of one canvas among several, followed by its own."""
    whole, own = manifest.label, canvas.label
    if n_canvases < 2 or own is None or whole is None or own.text == whole.text:
        return whole or own
    return Wording(f"{whole.text}: {own.text}", whole.language)
