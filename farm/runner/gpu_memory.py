"""Memory of an NVIDIA GPU, through the CUDA runtime's own library: no pycuda, which few boards have.

Follows the CUDA runtime API of 10.2 to 13: the few functions here have the same form in all of them. Tried on a
stand-in, and with the real library of 13.0 on a machine without a GPU, which it says.
"""

import ctypes
from ctypes.util import find_library

from faults import Fault

_NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so.10.2")
_FOLDERS = ("", "/usr/local/cuda/lib64/")
"""JetPack's tools put it in the second one, and not always where the linker looks."""
_TO_DEVICE, _FROM_DEVICE = 1, 2
"""``cudaMemcpyHostToDevice``, ``cudaMemcpyDeviceToHost``."""
_MAJOR, _MINOR = 75, 76
"""``cudaDevAttrComputeCapabilityMajor`` and its neighbour."""


class Cuda:
    """One GPU, and one stream of work on it."""

    def __init__(self, ordinal=0):
        """Open a GPU; Fault where there is none."""
        self._library = _open()
        self._library.cudaGetErrorString.restype = ctypes.c_char_p
        self.call("cudaSetDevice", ctypes.c_int(ordinal))
        self.ordinal = ordinal
        stream = ctypes.c_void_p()
        self.call("cudaStreamCreate", ctypes.byref(stream))
        self.stream = stream.value or 0

    def call(self, name, *arguments):
        """Call a function; Fault where it fails."""
        error = getattr(self._library, name)(*arguments)
        if error:
            said = self._library.cudaGetErrorString(ctypes.c_int(error)).decode()
            raise Fault("runtime", "CUDA: {}: {} (error {})".format(name, said, error))

    def allocate(self, size):
        """Return the address of so many bytes of the GPU's memory; they are kept to the end."""
        address = ctypes.c_void_p()
        self.call("cudaMalloc", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def put(self, address, array):
        """Copy an array to the GPU."""
        self._copy(address, array.ctypes.data, array.nbytes, _TO_DEVICE)

    def get(self, array, address):
        """Copy from the GPU to an array."""
        self._copy(array.ctypes.data, address, array.nbytes, _FROM_DEVICE)

    def _copy(self, target, source, size, direction):
        where = ctypes.c_void_p(target), ctypes.c_void_p(source)
        self.call(
            "cudaMemcpyAsync", *(where + (ctypes.c_size_t(size), ctypes.c_int(direction), ctypes.c_void_p(self.stream)))
        )

    def wait(self):
        """Return when all that was asked for is done."""
        self.call("cudaStreamSynchronize", ctypes.c_void_p(self.stream))

    def capability(self):
        """Return the compute capability, as in ``6.2``."""
        values = []
        for attribute in (_MAJOR, _MINOR):
            value = ctypes.c_int()
            self.call(
                "cudaDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(attribute), ctypes.c_int(self.ordinal)
            )
            values.append(str(value.value))
        return ".".join(values)


def _open():
    names = [folder + name for folder in _FOLDERS for name in _NAMES]
    found = find_library("cudart")
    for name in ([found] if found else []) + names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise Fault("runtime", "the CUDA runtime is not installed: none of {} can be loaded".format(", ".join(names)))
