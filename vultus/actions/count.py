"""What a source holds after a visit, counted by what became of each photo."""

from collections import Counter

from vultus.actions.answers import IngestAnswer
from vultus.actions.enrol import Visit
from vultus.records.models import Decision, Photo


def count(visit: Visit, new: set[int], removed: int, total: IngestAnswer) -> dict[str, int]:
    """Add what the source holds now to the total; returns this source's own counts."""
    rows = Photo.objects.filter(sightings__source_id=visit.source.id).distinct()
    mine = Counter({"new": 0, "unchanged": 0, "refused": 0, "failed": 0, "faces": 0})
    bad: dict[int, str] = {}
    for number, decision, reason, n_faces in rows.values_list(
        "id", "decision", "reason", "n_faces"
    ).iterator(chunk_size=5000):
        column = decision
        if decision == Decision.ENROLLED:
            column = "new" if number in new else "unchanged"
        else:
            bad[number] = reason
        mine[column] += 1
        mine["faces"] += n_faces
        if number not in total.counted:  # another source may hold it too
            total.counted.add(number)
            add_to(total, column, reason, n_faces)
    for reason, names in visit.not_held.items():
        mine["refused"] += len(names)
        total.photos += len(names)
        total.refused[reason] += len(names)
        total.files.setdefault(reason, []).extend(names)
    for number, name in visit.names_of_photos(list(bad)):
        total.files.setdefault(bad[number], []).append(name)
    total.removed += removed
    return {**mine, "removed": removed}


def add_to(total: IngestAnswer, column: str, reason: str, n_faces: int) -> None:
    """Count one photo."""
    total.photos += 1
    total.faces += n_faces
    if column == "new":
        total.new += 1
    elif column == "unchanged":
        total.unchanged += 1
    else:
        (total.refused if column == Decision.REFUSED else total.failed)[reason] += 1
