import numpy as np

from pdetransfer.data.streams import Stream


def test_any_example_alone_equals_the_same_example_in_the_whole():
    stream = Stream(3, "poisson", "train")
    whole = stream.uniforms(0, 20, 7)
    np.testing.assert_array_equal(stream.uniforms(0, 5, 7), whole[:5])
    for i in range(20):
        np.testing.assert_array_equal(stream.uniforms(i, i + 1, 7), whole[i : i + 1])


def test_no_two_streams_share_a_number():
    names = [
        (seed, dataset, split) for seed in (0, 1) for dataset in ("a", "b") for split in ("train", "test")
    ]
    draws = np.concatenate([Stream(*name).uniforms(0, 500, 9).ravel() for name in names])
    assert len(np.unique(draws)) == len(draws)


def test_the_numbers_are_uniform():
    draws = np.sort(Stream(0, "a", "train").uniforms(0, 10_000, 5).ravel())
    expected = (np.arange(draws.size) + 0.5) / draws.size
    # Kolmogorov's distance; 1.95 / sqrt(n) is exceeded with probability 0.1 %.
    assert np.abs(draws - expected).max() < 1.95 / np.sqrt(draws.size)
