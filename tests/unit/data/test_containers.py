"""Files that are not what they should be are refused by what they are."""

import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io
import zarr

from pdetransfer.data.containers import opened


def truncated(path):
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(10_000)
    path.write_bytes(path.read_bytes()[:5000])


def truncated_matlab(path):
    scipy.io.savemat(path, {"a": np.arange(10_000.0)})
    path.write_bytes(path.read_bytes()[:5000])


def truncated_array(path):
    np.save(path, np.arange(10_000))
    path.write_bytes(path.read_bytes()[:5000])


def zipped(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "b")


FILES = {
    "none.h5": (lambda path: None, "does not exist; expected an HDF5 file"),
    "table.csv": (lambda path: path.write_text("1,2"), "ends in '.csv'; expected an HDF5 file"),
    "empty.h5": (lambda path: path.write_text(""), "is no HDF5 file: it is empty"),
    "page.h5": (lambda path: path.write_text("\n<!DOCTYPE html><html>404"), "it is a page in HTML"),
    "pointer.hdf5": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"), "Git LFS"),
    "text.h5": (lambda path: path.write_text("hello"), "is no HDF5 file: it begins as none does"),
    "zipped.h5": (zipped, "is no HDF5 file: it is a zip archive"),
    "folder.h5": (lambda path: path.mkdir(), "is a folder"),
    "link.h5": (lambda path: path.symlink_to("elsewhere.h5"), "is a link to elsewhere.h5, which does not"),
    "truncated.h5": (truncated, "cannot be read .*truncated.*: copy or write the file again"),
    "none.mat": (lambda path: None, "does not exist; expected .* of MATLAB"),
    "empty.mat": (lambda path: path.write_text(""), "is no MATLAB file: it is empty"),
    "page.mat": (
        lambda path: path.write_text("<!DOCTYPE html>" + 200 * "a"),
        "is no MATLAB file: it is a page",
    ),
    "text.mat": (lambda path: path.write_text(200 * "a"), "is no MATLAB file: it begins as none does"),
    "folder.mat": (lambda path: path.mkdir(), "is a folder"),
    "truncated.mat": (truncated, "cannot be read .*truncated.*: copy or write the file again"),
    "array.npz": (lambda path: path.write_bytes(b"\x93NUMPY"), "is no archive of NumPy: it begins as none"),
    "archive.npy": (zipped, "is no array of NumPy: it is a zip archive"),
    "objects.npy": (lambda path: np.save(path, [{}], allow_pickle=True), "cannot be read .*objects"),
    "truncated.npy": (truncated_array, "cannot be read .*: copy or write the file again"),
    "array.pt": (zipped, r"ends in '.pt'; expected .*NumPy \(.npz, .npy\)"),
    "empty.zarr": (lambda path: path.mkdir(), "is an empty folder"),
    "zipped.zarr": (zipped, "is no folder of a zarr store: it is a zip archive"),
    "file.zarr": (lambda path: path.write_text("a"), "is no folder of a zarr store: it is a file"),
    "array.zarr": (lambda path: zarr.create_array(path, data=np.ones(3)), "is a single zarr array"),
    "other.zarr": (lambda path: path.mkdir() or (path / "a").write_text("b"), "holds no zarr group"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_cannot_be_opened_is_said_to_be_what_it_is(tmp_path, name):
    make, message = FILES[name]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name}.* {message}") as raised, opened(tmp_path / name):
        pass
    assert "\n" not in str(raised.value)
    assert "delete" not in str(raised.value)


def test_a_file_that_another_program_writes_is_said_to_be_open_there(tmp_path):
    path = tmp_path / "own.h5"
    code = "import h5py, sys; file = h5py.File(sys.argv[1], 'w'); file['a'] = [1.0, 2.0]; print(flush=True)"
    code += "; input()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=-1, stdout=-1, text=True) as other:
        other.stdout.readline()
        with pytest.raises(ValueError, match=r"own.h5: it cannot be read .*: another program"), opened(path):
            pass
        other.communicate("\n")
    with opened(path) as container:
        np.testing.assert_array_equal(container.variable("a").read(), [1, 2])
    h5py.File(path, "a").close()  # it was closed


def test_a_matlab_file_that_was_cut_off_names_what_cannot_be_read(tmp_path):
    truncated_matlab(tmp_path / "own.mat")
    with (
        pytest.raises(
            ValueError, match=r"own.mat: 'a' cannot be read .*: copy or write the file again"
        ) as raised,
        opened(tmp_path / "own.mat") as container,
    ):
        container.variable("a")
    assert "\n" not in str(raised.value)


def test_a_group_or_a_missing_key_is_named(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_group("fields")
    with opened(tmp_path / "own.h5") as container:
        with pytest.raises(ValueError, match=r"own.h5: 'fields' is a group; expected an array"):
            container.variable("fields")
        with pytest.raises(ValueError, match=r"own.h5 has no key 'tensor'; it has \['fields'\]"):
            container.variable("tensor")


def arrays(path, **options):
    """An array of which half has been written."""
    group = h5py.File(path, "w") if path.suffix == ".h5" else zarr.create_group(path)
    create = getattr(group, "create_dataset" if path.suffix == ".h5" else "create_array")
    create("a", shape=(8, 4), dtype="float32", chunks=(2, 2), **options)[:4] = 1
    if path.suffix == ".h5":
        group.close()


@pytest.mark.parametrize(("name", "options"), [("a.h5", {}), ("a.zarr", {}), ("b.zarr", {"shards": (4, 4)})])
def test_a_chunk_that_was_never_written_is_not_read_as_zeros(tmp_path, name, options):
    arrays(tmp_path / name, **options)
    with opened(tmp_path / name) as container, pytest.raises(ValueError, match=r"4 chunks of 'a' were never"):
        container.variable("a")


def test_an_array_of_hdf5_that_was_only_created_is_not_read_as_zeros(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (3, 4), dtype="f4")
    with (
        opened(tmp_path / "a.h5") as container,
        pytest.raises(ValueError, match=r"1 chunks of 'a' were never"),
    ):
        container.variable("a")


def test_a_chunk_that_is_damaged_is_named(tmp_path):
    group = zarr.create_group(tmp_path / "own.zarr")
    group.create_array("a", data=np.random.default_rng(0).normal(size=(4, 4)), chunks=(4, 4))
    (chunk,) = (path for path in (tmp_path / "own.zarr/a").rglob("*") if path.name == "0" and path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:20])
    with opened(tmp_path / "own.zarr") as container, pytest.raises(ValueError, match=r"own.zarr: 'a' cannot"):
        container.variable("a").read()
