"""The data keys of the index's segments: wrapped by the vault, one in each segment's row."""

from vultus.errors import IntegrityError
from vultus.records.segment import Segment
from vultus.vault.page import PageCipher
from vultus.vault.seal import Vault


class SegmentKeys:
    """The index's keyring. A new key is kept with the row that names its segment (`wrapped`)."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._new: dict[str, PageCipher] = {}

    def new(self, name: str) -> PageCipher:
        """A fresh key for a segment that is about to be written."""
        cipher = self._new[name] = PageCipher.new(name)
        return cipher

    def wrapped(self, name: str) -> bytes:
        """The new key, sealed, for the segment's row; this object forgets it."""
        return self._new.pop(name).wrap(self._vault)

    def cipher(self, name: str) -> PageCipher:
        """The cipher of a segment that exists.

        Raises IntegrityError `segment.key_gone` where its key was destroyed, and
        `sealed.does_not_open` where it does not open.
        """
        row = Segment.objects.filter(pk=name).first()
        if row is None:
            raise IntegrityError(
                "segment.key_gone",
                f"The key of the index segment {name} was destroyed.",
                "The segment cannot be read again; it is written anew from what is held.",
            )
        return PageCipher.unwrap(self._vault, name, bytes(row.sealed_key))

    def destroy(self, name: str) -> None:
        """Forget the key for ever: delete the row. Call it in the transaction that switches."""
        self._new.pop(name, None)
        Segment.objects.filter(pk=name).delete()

    def names(self) -> set[str]:
        """The segments whose keys are held."""
        return set(Segment.objects.values_list("name", flat=True))
