"""Aligned faces become templates: SFace, averaged over each face and its mirror image."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vultus.faces.network import open_network
from vultus.faces.weights import SFACE, Weights

BATCH = 8  # faces a run; with their mirror images twice as many pictures


@dataclass(frozen=True)
class Template:
    """What is compared: `vector` float32 (d,) of unit length, only with vectors of `model`.

    `raw_length` is the length before normalising, a measure of quality.
    """

    vector: npt.NDArray[np.float32]
    model: str
    raw_length: float


class Embedder:
    """The template network. Not to be shared between threads that run it at once."""

    def __init__(self, weights: Weights = SFACE, n_threads: int = 1) -> None:
        """Load the network. Raises what `read_weights` raises."""
        self.weights = weights
        self._network = open_network(weights, n_threads)

    def embed(
        self, crops: npt.NDArray[np.uint8], mirror: bool = True
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return unit vectors float32 (n, d) and the lengths they had, float32 (n,).

        `crops` uint8 (n, 112, 112, 3), RGB, aligned. With `mirror` the raw vectors of a crop
        and its mirror image are averaged before the length is taken.
        """
        wide, high = self.weights.size or (0, 0)
        if crops.dtype != np.uint8 or crops.shape[1:] != (high, wide, 3):
            message = f"expected uint8 (n, {high}, {wide}, 3), got {crops.dtype} {crops.shape}"
            raise TypeError(message)
        vectors = np.empty((len(crops), self.weights.dimension), np.float32)
        for start in range(0, len(crops), BATCH):
            batch = list(crops[start : start + BATCH])
            n_faces = len(batch)
            if mirror:
                batch += [cv2.flip(crop, 1) for crop in batch]
            raw = self._run(batch)
            vectors[start : start + n_faces] = (
                (raw[:n_faces] + raw[n_faces:]) / 2 if mirror else raw
            )
        lengths = np.linalg.norm(vectors, axis=1)
        return vectors / np.maximum(lengths, 1e-12)[:, None], lengths

    def _run(self, crops: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        pictures = cv2.dnn.blobFromImages(
            crops,
            self.weights.scale,
            mean=(self.weights.mean,) * 3,
            swapRB=self.weights.channels == "BGR",
        )
        raw = self._network.run(None, {self.weights.input: pictures})[0]
        return np.asarray(raw, dtype=np.float32)
