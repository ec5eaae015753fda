"""Faces of a photo: a plain library, photo in, faces out.

Names are loaded when they are first used, so that importing this package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vultus.faces.crop import Crop as Crop
    from vultus.faces.embed import Template as Template
    from vultus.faces.metadata import Metadata as Metadata
    from vultus.faces.metadata import read_metadata as read_metadata
    from vultus.faces.photo import Photo as Photo
    from vultus.faces.photo import decode as decode
    from vultus.faces.pool import ReaderPool as ReaderPool
    from vultus.faces.quality import Quality as Quality
    from vultus.faces.reader import Face as Face
    from vultus.faces.reader import FaceReader as FaceReader
    from vultus.faces.reading import Reading as Reading

_PLACES = {
    "Crop": "crop",
    "Face": "reader",
    "FaceReader": "reader",
    "Metadata": "metadata",
    "Photo": "photo",
    "Quality": "quality",
    "ReaderPool": "pool",
    "Reading": "reading",
    "Template": "embed",
    "decode": "photo",
    "read_metadata": "metadata",
}

__all__ = [
    "Crop",
    "Face",
    "FaceReader",
    "Metadata",
    "Photo",
    "Quality",
    "ReaderPool",
    "Reading",
    "Template",
    "decode",
    "read_metadata",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 any of the names above
    if name not in _PLACES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
