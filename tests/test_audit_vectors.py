"""The vectors are what the plain generator beside them writes."""

from pathlib import Path

from vectors.audit import generate


def test_the_vectors_are_what_their_generator_writes():
    folder = Path(generate.__file__).parent
    on_disk = {path.name: path.read_text() for path in folder.glob("*.json")}
    assert on_disk == generate.written()
