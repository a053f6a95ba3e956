"""Volumes and where they lie in the patient: NIfTI files, DICOM series, orientation, resampling, overlap.

What the samples are made with and what the checks of the 3-D apps measure with. Every volume is an array with axes i, j,
k and an affine matrix that takes (i, j, k, 1) to millimetres in the patient: x grows to the right, y to the front, z up
(RAS, as in NIfTI). DICOM counts x and y the other way round (LPS, PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread

LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
NIFTI_HEADER_BYTES = 348
NIFTI_VOXELS_AT = 352
NIFTI_UINT8 = 2
MILLIMETRES = 2
SCANNER_COORDINATES = 1


@dataclass(frozen=True)
class Volume:
    """An array of i x j x k voxels and the matrix that takes an index to millimetres (RAS)."""

    voxels: np.ndarray
    affine: np.ndarray

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel in millilitres."""
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000


def read_nifti(file: Path) -> Volume:
    """A gzipped NIfTI-1 file of 8-bit voxels with an `sform`, as those of MRIcron are."""
    content = gzip.decompress(file.read_bytes())
    shape = struct.unpack_from("<8h", content, 40)
    (kind,) = struct.unpack_from("<h", content, 70)
    (start,) = struct.unpack_from("<f", content, 108)
    (form,) = struct.unpack_from("<h", content, 254)
    if shape[0] != 3 or kind != NIFTI_UINT8 or form == 0:
        raise SystemExit(f"volumes: {file.name} is not a 3-D volume of 8-bit voxels with an sform")
    voxels = np.frombuffer(content, dtype="u1", offset=int(start)).reshape(shape[1:4], order="F")
    affine = np.vstack([np.array(struct.unpack_from("<12f", content, 280)).reshape(3, 4), [0, 0, 0, 1]])
    return Volume(voxels, affine)


def write_nifti(file: Path, volume: Volume) -> None:
    """The same kind of file; its bytes depend on the volume only."""
    header = bytearray(NIFTI_VOXELS_AT)
    struct.pack_into("<i", header, 0, NIFTI_HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, *volume.voxels.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, NIFTI_UINT8, 8)
    struct.pack_into("<8f", header, 76, 1, *np.linalg.norm(volume.affine[:3, :3], axis=0), 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, NIFTI_VOXELS_AT, 1, 0)
    header[123] = MILLIMETRES
    struct.pack_into("<2h", header, 252, 0, SCANNER_COORDINATES)
    struct.pack_into("<12f", header, 280, *volume.affine[:3].ravel())
    header[344:348] = b"n+1\0"
    voxels = volume.voxels.astype("u1").tobytes(order="F")
    file.write_bytes(gzip.compress(bytes(header) + voxels, compresslevel=6, mtime=0))


def read_series(folder: Path) -> Volume:
    """A DICOM series of single-frame images as one volume of rescaled values; i runs along rows, k from slice to slice.

    Slices are put in order by where they lie, not by name or number (PS3.3 C.7.6.2).
    """
    images = [dcmread(file) for file in sorted(folder.glob("*.dcm"))]
    along_row, along_column = np.array(images[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(along_row, along_column)
    images.sort(key=lambda image: float(np.dot(normal, position(image))))
    first, last = position(images[0]), position(images[-1])
    between_rows, between_columns = (float(value) for value in images[0].PixelSpacing)
    lps = np.eye(4)
    lps[:3, 0] = along_row * between_columns
    lps[:3, 1] = along_column * between_rows
    lps[:3, 2] = (last - first) / (len(images) - 1)
    lps[:3, 3] = first
    return Volume(np.stack([rescaled(image).T for image in images], axis=2), LPS_OF_RAS @ lps)


def position(image: Dataset) -> np.ndarray:
    """Where the centre of the first voxel lies, in millimetres (LPS)."""
    return np.array(image.ImagePositionPatient, dtype=float)


def rescaled(image: Dataset) -> np.ndarray:
    """Rows x columns of values after the modality transformation (PS3.3 C.11.1)."""
    slope, intercept = float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))
    return (image.pixel_array * slope + intercept).astype(np.float32)


def axes_to_ras(affine: np.ndarray) -> tuple[list[int], list[bool]]:
    """For right, anterior and superior: which axis of the array runs closest to it, and whether it runs backwards.

    The strongest match is taken first, so that an oblique volume never uses an axis twice.
    """
    cosines = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left = np.abs(cosines)
    axes, backwards = [0, 0, 0], [False, False, False]
    for _ in range(3):
        world, axis = np.unravel_index(np.argmax(left), left.shape)
        axes[world], backwards[world] = int(axis), bool(cosines[world, axis] < 0)
        left[world, :] = left[:, axis] = -1
    return axes, backwards


def to_ras(volume: Volume) -> Volume:
    """The same voxels with axes turned and flipped to run right, anterior, superior as nearly as they can."""
    axes, backwards = axes_to_ras(volume.affine)
    affine = volume.affine[:, [*axes, 3]].copy()
    voxels = volume.voxels.transpose(axes)
    for axis, is_backwards in enumerate(backwards):
        if is_backwards:
            voxels = np.flip(voxels, axis)
            affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
            affine[:3, axis] *= -1
    return Volume(voxels, affine)


def resized(voxels: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Another number of voxels over the same extent, by a triangle filter that widens when the size falls.

    The edges of the two grids coincide, not the centres of their first voxels. Along each axis this is what Pillow's
    BILINEAR does to an image; when the size grows it is linear interpolation.
    """
    for axis, size in enumerate(shape):
        weights = triangle_weights(voxels.shape[axis], size)
        voxels = np.moveaxis(np.tensordot(weights, voxels, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(voxels, dtype=np.float32)


def triangle_weights(old: int, new: int) -> np.ndarray:
    """new x old: how much each old voxel gives to each new one; each row sums to 1."""
    scale = old / new
    centre = (np.arange(new)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(old)[None, :] + 0.5 - centre) / max(scale, 1)
    weights = np.clip(1 - distance, 0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def sampled(volume: Volume, affine: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The volume's values on another grid, by trilinear interpolation; 0 outside. One slice (k) at a time."""
    to_index = np.linalg.inv(volume.affine) @ affine
    i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    result = np.empty(shape, dtype=np.float32)
    for k in range(shape[2]):
        points = np.stack([i, j, np.full_like(i, k), np.ones_like(i)]).reshape(4, -1)
        result[:, :, k] = interpolated(volume.voxels, (to_index @ points)[:3]).reshape(shape[:2])
    return result


def interpolated(voxels: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The values at 3 x n places given as indices, trilinear; 0 outside."""
    at = at.round(6)  # so that a grid that coincides reads its own voxels and not nearly them
    low = np.floor(at).astype(int)
    part = at - low
    result = np.zeros(at.shape[1])
    for corner in np.ndindex(2, 2, 2):
        step = np.array(corner)[:, None]
        weight = np.prod(np.where(step == 1, part, 1 - part), axis=0)
        place = low + step
        inside = np.all((place >= 0) & (place < np.array(voxels.shape)[:, None]), axis=0) & (weight > 0)
        result[inside] += weight[inside] * voxels[tuple(place[:, inside])]
    return result


def levelled(volume: Volume) -> Volume:
    """The volume on a grid of the same size, spacing and middle whose axes run right, anterior, superior exactly.

    For networks that know heads only as they sit in a scanner, not tilted. What would lie outside is lost.
    """
    volume = to_ras(volume)
    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
    if np.allclose(volume.affine[:3, :3], np.diag(spacing), atol=1e-4):
        return volume
    affine = np.diag([*spacing, 1.0])
    half = (np.array(volume.voxels.shape) - 1) / 2
    affine[:3, 3] = (volume.affine @ [*half, 1])[:3] - spacing * half
    return Volume(sampled(volume, affine, volume.voxels.shape), affine)


def nearest(volume: Volume, of: Volume) -> np.ndarray:
    """The volume's values at the voxels of another, each the nearest one's; 0 where the volume does not reach."""
    index = np.indices(of.voxels.shape).reshape(3, -1)
    places = (np.linalg.inv(volume.affine) @ of.affine) @ np.vstack([index, np.ones(index.shape[1])])
    return interpolated(volume.voxels, np.rint(places[:3])).reshape(of.voxels.shape)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """How far two masks agree: twice what they share over what they have (Dice 1945); 1 is the same mask."""
    one, other = one.astype(bool), other.astype(bool)
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
