"""Files as other programs write them: arrays by key, by the name of the file."""

import h5py
import numpy as np
import scipy.io
import zarr


def write_matlab(path, arrays):
    scipy.io.savemat(path, arrays)


def write_matlab_in_hdf5(path, arrays, classes=None):
    """As MATLAB does it with ``-v7.3``: a block for the user first, all axes the other way round."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, values in arrays.items():
            file[key] = np.asarray(values).T
            file[key].attrs["MATLAB_class"] = np.bytes_((classes or {}).get(key, "double"))
        file.create_group("#refs#")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 .")


def write_hdf5(path, arrays):
    with h5py.File(path, "w") as file:
        file.update(arrays)


def write_zarr(path, arrays):
    group = zarr.create_group(path)
    for key, values in arrays.items():
        group.create_array(key, data=values)


def write_numpy(path, arrays):
    np.savez(path, **arrays)


WRITERS = {
    "five.mat": write_matlab,
    "seven.mat": write_matlab_in_hdf5,
    "own.h5": write_hdf5,
    "own.zarr": write_zarr,
    "own.npz": write_numpy,
}
