"""JPEG lossless, first-order prediction (ITU-T T.81 process 14, selection value 1), for grey images.

The compressed form most often met in archives of radiographs (transfer syntax 1.2.840.10008.1.2.4.70), and the one for
which no small package has an encoder. Each sample is predicted by its left neighbour and the difference Huffman coded.
"""

from __future__ import annotations

import numpy as np

# T.81 Table K.3 (categories 0-11), continued by one code of each further length up to category 16.
CODE_LENGTHS = np.array([2, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])


def encode(image: np.ndarray, bits: int) -> bytes:
    """The whole JPEG stream of a rows x columns image of unsigned samples below 2 ** bits."""
    rows, columns = image.shape
    frame = bytes([bits]) + rows.to_bytes(2) + columns.to_bytes(2) + bytes([1, 1, 0x11, 0])
    counts = np.bincount(CODE_LENGTHS, minlength=17)[1:]
    huffman = bytes([0]) + bytes(counts.tolist()) + bytes(range(len(CODE_LENGTHS)))
    scan = bytes([1, 1, 0, 1, 0, 0])
    segments = segment(0xC3, frame) + segment(0xC4, huffman) + segment(0xDA, scan)
    return b"\xff\xd8" + segments + entropy_code(differences(image, bits)) + b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    """A marker segment; its length counts itself (T.81 B.1.1.4)."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def differences(image: np.ndarray, bits: int) -> np.ndarray:
    """Sample minus prediction, modulo 2 ** 16: by the left one, the first column by the one above (T.81 H.1.1)."""
    samples = image.astype(np.int32)
    prediction = np.empty_like(samples)
    prediction[:, 1:] = samples[:, :-1]
    prediction[1:, 0] = samples[:-1, 0]
    prediction[0, 0] = 1 << (bits - 1)
    return ((samples - prediction + 32768) & 0xFFFF) - 32768


def entropy_code(diff: np.ndarray) -> bytes:
    """Huffman code of each difference's bit count, then its low bits; padded with ones, byte-stuffed (T.81 F.1.2.1)."""
    bits = np.concatenate([row_bits(row) for row in diff])
    padded = np.concatenate([bits, np.ones(-len(bits) % 8, dtype=np.uint8)])
    return np.packbits(padded).tobytes().replace(b"\xff", b"\xff\x00")


def row_bits(diff: np.ndarray) -> np.ndarray:
    """The bits of one row, one array element each."""
    category = np.frexp(np.abs(diff).astype(np.float64))[1]
    extra_length = np.where(category == 16, 0, category)
    extra = np.where(diff < 0, diff + (1 << category) - 1, diff) & ((1 << extra_length) - 1)
    words = (canonical_codes()[category] << extra_length) | extra
    lengths = CODE_LENGTHS[category] + extra_length
    ends = np.cumsum(lengths)
    shifts = np.repeat(ends, lengths) - 1 - np.arange(ends[-1])
    return ((np.repeat(words, lengths) >> shifts) & 1).astype(np.uint8)


def canonical_codes() -> np.ndarray:
    """The codes that follow from their lengths (T.81 Annex C)."""
    codes, code, length = [], 0, CODE_LENGTHS[0]
    for next_length in CODE_LENGTHS:
        code <<= next_length - length
        codes.append(code)
        code, length = code + 1, next_length
    return np.array(codes)
