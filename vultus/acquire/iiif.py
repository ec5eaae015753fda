"""The IIIF connector: whatever a IIIF source answers, told apart by its type."""

from datetime import datetime

from vultus.acquire.document import read_json, text_of
from vultus.acquire.found import Found
from vultus.acquire.iiif_changes import read_changes, unreadable
from vultus.acquire.iiif_image import image_version
from vultus.acquire.iiif_presentation import kind_of, read_collection, read_image, read_manifest


def read_iiif(url: str, body: bytes, since: datetime | None = None) -> Found:
    """What a document of a IIIF source at `url` tells: photos, further documents, what is gone.

    Manifests and collections of the Presentation API 2 and 3, lists of changes (which alone look
    at `since`, see `iiif_changes.read_changes`) and info.json of the Image API. Images that ask
    for a log-in are in `refused`. Raises InputError `iiif.unreadable` for everything else, and
    for what is larger than is read: nothing is told of a document that was not read to its end.
    """
    try:
        document = read_json(body)
    except ValueError as error:
        raise unreadable(f"The document cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise unreadable("The document is no JSON object.")
    kind = kind_of(document)
    if kind in {"OrderedCollection", "OrderedCollectionPage"}:
        return read_changes(url, body, since)
    try:
        if kind == "Manifest":
            return read_manifest(url, document)
        if kind == "Collection":
            return read_collection(url, document)
        if text_of(document, "protocol") == "http://iiif.io/api/image" and image_version(document):
            return read_image(url, document)
    except ValueError as error:
        raise unreadable(f"The document cannot be read: {error}.") from error
    raise unreadable("The document is no IIIF manifest, collection or list of changes.")
