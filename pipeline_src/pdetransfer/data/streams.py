"""Random numbers by example: any example can be made alone, and nothing depends on counts or order."""

import hashlib

import numpy as np

_WORDS_PER_BLOCK = 4  # a step of the Philox 4x64 counter yields four 64-bit words, a uniform takes one


def key(*names: object) -> int:
    """The key, of 64 bits and a sign, of a stream of random numbers that has these names."""
    name = "/".join(map(str, names)).encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little", signed=True)


class Stream:
    """The random numbers of one split of one dataset: a fixed number of uniforms for each example.

    The stream is Philox 4x64 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), keyed by
    a hash of seed, dataset and split, so that no two datasets or splits share one. Example i starts at
    counter i times the number of blocks an example takes; another attempt at an example (one that was drawn
    and refused) has the same low words of the counter, and its number in a high one.
    """

    def __init__(self, seed: int, dataset: str, split: str):
        name = f"{seed}/{dataset}/{split}".encode()
        self._key = int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "little")

    def uniforms(self, start: int, stop: int, num_uniforms: int, attempt: int = 0) -> np.ndarray:
        """Uniforms in [0, 1) of the examples ``start`` to ``stop - 1``: ``(stop - start, num_uniforms)``."""
        blocks = -(-num_uniforms // _WORDS_PER_BLOCK)
        bits = np.random.Philox(key=self._key, counter=[0, 0, attempt, 0]).advance(start * blocks)
        draws = np.random.Generator(bits).random((stop - start, blocks * _WORDS_PER_BLOCK))
        return draws[:, :num_uniforms]
