"""Faces of a photo: a plain library, photo in, faces out.

Names are loaded when they are first used, so that importing this package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vultus.faces.embed import Template as Template
    from vultus.faces.photo import Photo as Photo
    from vultus.faces.photo import decode as decode
    from vultus.faces.quality import Quality as Quality
    from vultus.faces.reader import Face as Face
    from vultus.faces.reader import FaceReader as FaceReader

_PLACES = {
    "Face": "reader",
    "FaceReader": "reader",
    "Photo": "photo",
    "Quality": "quality",
    "Template": "embed",
    "decode": "photo",
}

__all__ = ["Face", "FaceReader", "Photo", "Quality", "Template", "decode"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 any of the names above
    if name not in _PLACES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
