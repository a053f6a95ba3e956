"""Every file of the sample sets goes in and comes out bit by bit, decodes as other implementations decode it, and renders."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy
import pytest
import requests
from lightbox import PATIENCE_SECONDS, Server
from PIL import Image
from pixel_samples import Sample, samples
from pydicom import dcmread
from pydicom.pixels import pixel_array

SAMPLES = samples()
KEPT = [sample for sample in SAMPLES if not sample.described("refused")]
IMAGES = [sample for sample in KEPT if "PixelData" in sample.dataset]
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"}
LOSSY |= {"1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"}
# Inverse transforms are rounded differently. In RGB the differences of three samples add up, which once in thousands of
# pixels makes one more.
LOSSY_DIFFERENCE_MAX = 2
LOSSY_OUTLIERS_MAX = 1e-4


def name(sample: Sample) -> str:
    return sample.name


class Archive:
    """A server to which all samples were sent."""

    def __init__(self, server: Server):
        self.server = server
        self._session = server.session()
        self.outcomes = {sample.name: self._store(sample) for sample in SAMPLES}

    def _store(self, sample: Sample) -> requests.Response:
        boundary = "sample-boundary"
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        return self._session.post(
            f"{self.server.http}/dicomweb/studies",
            data=head + sample.bytes + f"\r\n--{boundary}--\r\n".encode(),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
            timeout=PATIENCE_SECONDS,
        )

    def get(self, sample: Sample, resource: str, accept: str) -> requests.Response:
        address = f"{self.server.http}/dicomweb{sample.address}{resource}"
        return self._session.get(address, headers={"Accept": accept}, timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    server = Server(tmp_path_factory.mktemp("pixels"))
    yield Archive(server)
    server.stop()


def test_the_sets_are_there() -> None:
    assert len(SAMPLES) > 250
    assert len({sample.transfer_syntax for sample in IMAGES}) >= 14


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_a_file_comes_out_as_it_went_in(archive: Archive, sample: Sample) -> None:
    stored = archive.outcomes[sample.name]
    if sample.described("refused"):
        assert stored.status_code == 409, stored.text
        return
    assert stored.status_code == 200, stored.text
    answer = archive.get(sample, "", "application/dicom; transfer-syntax=*")
    assert answer.status_code == 200, answer.text
    assert answer.content == sample.bytes


@pytest.mark.parametrize("sample", IMAGES, ids=name)
def test_frames_have_the_pixels_that_others_see(archive: Archive, sample: Sample, tmp_path: Path) -> None:
    frames = number_of_frames(sample)
    for frame in sorted({0, frames - 1}):
        answer = archive.get(
            sample, f"/frames/{frame + 1}", "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
        )
        if sample.described("undecoded"):
            assert answer.status_code == 406 and answer.json()["detail"], answer.text
            return
        assert answer.status_code == 200, answer.text
        if sample.described("uncompared"):
            return
        expected = expected_frame(sample, frame, tmp_path)
        actual = numpy.frombuffer(answer.content, expected.dtype)
        assert actual.size - expected.size in (0, 1), "one byte of padding at most"
        compare(sample, actual[: expected.size], expected)


def number_of_frames(sample: Sample) -> int:
    try:
        return int(sample.dataset.get("NumberOfFrames") or 1)
    except ValueError:
        return 1  # "1A" of one sample


def compare(sample: Sample, actual: numpy.ndarray, expected: numpy.ndarray) -> None:
    differences = numpy.abs(actual.astype(numpy.int64) - expected.astype(numpy.int64))
    if sample.transfer_syntax not in LOSSY:
        # Native samples come as they are stored, whatever lies above the stored bits.
        assert not (differences & ((1 << sample.dataset.BitsStored) - 1)).any()
        return
    outliers = numpy.count_nonzero(differences > LOSSY_DIFFERENCE_MAX)
    assert outliers <= LOSSY_OUTLIERS_MAX * differences.size and differences.max() <= LOSSY_DIFFERENCE_MAX + 1


def expected_frame(sample: Sample, frame: int, folder: Path) -> numpy.ndarray:
    """A frame's samples in the order in which Lightbox gives them: as stored if native, else pixel by pixel."""
    dataset = sample.dataset
    if dataset.BitsAllocated == 1:
        pixels = pixel_array(dataset, index=frame, raw=True)
        return numpy.packbits(pixels, bitorder="little")
    if sample.transfer_syntax.is_encapsulated:
        pixels = decoded(sample, frame, folder)
        return pixels.astype(pixels.dtype.newbyteorder("<")).ravel()
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        frame_bytes = dataset.Rows * dataset.Columns * 2
        return numpy.frombuffer(dataset.PixelData, "u1")[frame * frame_bytes : (frame + 1) * frame_bytes]
    pixels = pixel_array(dataset, index=frame, raw=True)
    if dataset.SamplesPerPixel > 1 and dataset.PlanarConfiguration == 1:
        pixels = pixels.transpose(2, 0, 1)
    return pixels.astype(pixels.dtype.newbyteorder("<")).ravel()


def decoded(sample: Sample, frame: int, folder: Path) -> numpy.ndarray:
    """What pydicom decodes, colours as RGB; dcmtk decodes the kinds of JPEG that pydicom cannot."""
    is_run_length = sample.transfer_syntax == "1.2.840.10008.1.2.5"
    try:
        return pixel_array(sample.dataset, index=frame, raw=is_run_length)
    except RuntimeError:
        (folder / "sample.dcm").write_bytes(sample.bytes)
        subprocess.run(["dcmdjpeg", folder / "sample.dcm", folder / "decoded.dcm"], check=True, capture_output=True)
        return pixel_array(dcmread(folder / "decoded.dcm"), index=frame, raw=True)


@pytest.mark.parametrize("sample", IMAGES, ids=name)
def test_renderings_have_the_size_of_the_image(archive: Archive, sample: Sample) -> None:
    answer = archive.get(sample, "/rendered", "image/png")
    if sample.described("undecoded") or sample.described("unrendered"):
        assert answer.status_code == 406 and answer.json()["detail"], answer.text
        return
    assert answer.status_code == 200, answer.text
    image = Image.open(BytesIO(answer.content))
    assert (image.format, image.height, image.width) == ("PNG", sample.dataset.Rows, sample.dataset.Columns)
