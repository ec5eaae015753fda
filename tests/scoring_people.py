"""Templates of people who do not exist: clusters on the sphere, as a face model makes them."""

import numpy as np

MODEL = "sface-2021dec"
D = 128


def people(n_people, n_photos, seed, likeness=0.08, mated=0.67):
    """Return unit vectors float32 (n_people * n_photos, D) and the person of each.

    Cosines: `likeness` on average between people, `mated` between photos of one; as with a
    real model people are alike in part, and photos differ in how well they show a person.
    """
    rng = np.random.default_rng(seed)
    persons = np.repeat(np.arange(n_people), n_photos)
    common = unit(np.random.default_rng(0).normal(size=(1, D)))
    own = unit(rng.normal(size=(n_people, D)))
    noise = unit(rng.normal(size=(len(persons), D)))
    kept = np.clip(rng.normal(mated, 0.08, len(persons)), likeness + 0.1, 0.95)[:, None]
    vectors = (
        np.sqrt(likeness) * common
        + np.sqrt(kept - likeness) * own[persons]
        + np.sqrt(1 - kept) * noise
    )
    return unit(vectors).astype(np.float32), persons


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def strangers(gallery, probes, threshold):
    """Return the number of references a probe shows at the threshold, on average."""
    return np.count_nonzero(probes @ gallery.T >= np.float32(threshold)) / len(probes)
