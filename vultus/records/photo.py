"""Photos, the places where they lie, and the faces in them (references)."""

from django.db import models

from vultus.records.source import Source


class Decision(models.TextChoices):
    """What became of a photo. `reason` says why it was refused or has failed."""

    ENROLLED = "enrolled"
    REFUSED = "refused"
    FAILED = "failed"


class Photo(models.Model):
    """One photo is one sequence of bytes, however many places hold it."""

    id = models.BigIntegerField(primary_key=True)
    digest_index = models.BinaryField(max_length=32, unique=True)
    decision = models.CharField(max_length=10, choices=Decision)
    reason = models.CharField(max_length=60, blank=True)
    n_faces = models.PositiveIntegerField(default=0)
    seen = models.DateTimeField()
    sealed = models.BinaryField()  # {sha256, format, width, height, n_bytes, metadata}


class Sighting(models.Model):
    """A place of a photo: a file of a folder, or an address on a page.

    `n_bytes` and `changed_ns` are the file's size and times; when they stand, it is not
    read again.
    """

    id = models.BigIntegerField(primary_key=True)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="sightings")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="sightings")
    place_index = models.BinaryField(max_length=32)
    n_bytes = models.BigIntegerField()
    changed_ns = models.CharField(max_length=60)
    seen = models.DateTimeField()
    sealed = models.BinaryField()  # {name, page_url, beside}
    sealed_decision = models.BinaryField(null=True)  # docs/formats/permit.md; of a web place

    class Meta:
        constraints = [  # noqa: RUF012
            models.UniqueConstraint(fields=["source", "place_index"], name="one_photo_a_place")
        ]


class Reference(models.Model):
    """One enrolled face: its sealed template, where it is in the photo, how good it is."""

    id = models.BigIntegerField(primary_key=True)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="references")
    model = models.CharField(max_length=40)
    sealed_template = models.BinaryField()  # quality and vector, float32, little-endian
    sealed = models.BinaryField()  # {box, landmarks, detection_score, quality}

    class Meta:
        # So that all pairs can be read without the rows, which are fifty times as wide.
        indexes = [models.Index(fields=["photo", "id"], name="photo_of_reference")]  # noqa: RUF012


class Crop(models.Model):
    """The picture of a reference's face, beside it so that templates load without it."""

    reference = models.OneToOneField(Reference, on_delete=models.CASCADE, primary_key=True)
    sealed = models.BinaryField()  # JPEG
    sealed_place = models.BinaryField()  # {box, landmarks}


class Erasure(models.Model):
    """A photo, or one face of it, that must not come back with the next visit: its blind index."""

    digest_index = models.BinaryField(max_length=32, unique=True)
    time = models.DateTimeField()
