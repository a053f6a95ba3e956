"""dicomweb-client against the DICOMweb door; what arrived by C-STORE comes out as pydicom reads it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from lightbox import PATIENCE_SECONDS, Server, run_tool, samples
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import pixel_array
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

SAMPLES = samples()
LOSSY = {JPEGBaseline8Bit, JPEGExtended12Bit, JPEG2000, JPEGLSNearLossless}


@pytest.fixture(scope="module")
def client(server: Server) -> DICOMwebClient:
    """A client of a server that has all films, which came in by STOW-RS."""
    client = DICOMwebClient(f"{server.http}/dicomweb", session=server.session())
    stored = [client.store_instances([dcmread(sample["path"])]) for sample in SAMPLES]
    assert all("FailedSOPSequence" not in answer for answer in stored)
    return client


def address(film: Dataset) -> dict[str, str]:
    return {
        "study_instance_uid": film.StudyInstanceUID,
        "series_instance_uid": film.SeriesInstanceUID,
        "sop_instance_uid": film.SOPInstanceUID,
    }


def test_studies_are_found(client: DICOMwebClient) -> None:
    assert len(client.search_for_studies()) == len(SAMPLES)
    film = dcmread(SAMPLES[3]["path"], stop_before_pixels=True)
    for filters in [
        {"StudyInstanceUID": film.StudyInstanceUID},
        {"PatientID": film.PatientID},
        {"AccessionNumber": film.AccessionNumber},
        {"PatientID": f"{str(film.PatientID)[:-1]}?", "AccessionNumber": film.AccessionNumber},
    ]:
        [found] = client.search_for_studies(search_filters=filters)
        found = Dataset.from_json(found)
        assert found.StudyInstanceUID == film.StudyInstanceUID
        assert (found.PatientName, found.PatientID) == (film.PatientName, film.PatientID)
        assert (found.NumberOfStudyRelatedSeries, found.NumberOfStudyRelatedInstances) == (1, 1)
    assert client.search_for_studies(search_filters={"PatientID": "NOBODY"}) == []
    assert len(client.search_for_studies(limit=2, offset=1)) == 2


def test_series_and_instances_are_found_below_and_across_studies(client: DICOMwebClient) -> None:
    assert len(client.search_for_series()) == len(SAMPLES)
    assert len(client.search_for_instances()) == len(SAMPLES)
    film = dcmread(SAMPLES[0]["path"], stop_before_pixels=True)
    [series] = client.search_for_series(film.StudyInstanceUID)
    assert Dataset.from_json(series).Modality == film.Modality
    [instance] = client.search_for_instances(film.StudyInstanceUID, film.SeriesInstanceUID)
    assert Dataset.from_json(instance).SOPClassUID == film.SOPClassUID


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["file"])
def test_metadata_are_those_of_the_file(client: DICOMwebClient, sample: dict) -> None:
    film = dcmread(sample["path"], stop_before_pixels=True)
    found = Dataset.from_json(client.retrieve_instance_metadata(**address(film)), lambda *_: b"")
    # The DICOM JSON model is UTF-8, whatever the file is (PS3.18 §F.2).
    film.SpecificCharacterSet = "ISO_IR 192"
    for element in film:
        if element.VR not in ("OB", "OW", "UN", "SQ", "DS", "FD", "FL"):
            assert found[element.tag].value == element.value, element.tag
    assert {element.tag for element in film} <= {element.tag for element in found}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["file"])
def test_instances_and_frames_come_out_as_they_went_in(client: DICOMwebClient, sample: dict, tmp_path: Path) -> None:
    film = dcmread(sample["path"])
    anything = [("application/dicom", "*")]
    whole = client.retrieve_instance(**address(film), media_types=anything)
    assert whole.file_meta.TransferSyntaxUID == film.file_meta.TransferSyntaxUID
    assert whole == film

    [frame] = client.retrieve_instance_frames(
        **address(film), frame_numbers=[1], media_types=[("application/octet-stream", "1.2.840.10008.1.2.1")]
    )
    pixels = numpy.frombuffer(frame, f"<{'i' if film.PixelRepresentation else 'u'}{film.BitsAllocated // 8}")
    expected = decoded(sample["path"], tmp_path)
    assert numpy.array_equal(pixels[: expected.size].reshape(expected.shape), expected)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["file"])
def test_instances_come_out_in_the_syntax_that_is_asked_for(
    client: DICOMwebClient, sample: dict, syntax: UID, tmp_path: Path
) -> None:
    film = dcmread(sample["path"])
    # What lost something is never compressed again.
    if film.file_meta.TransferSyntaxUID in LOSSY and syntax != ExplicitVRLittleEndian:
        with pytest.raises(requests.HTTPError) as refused:
            client.retrieve_instance(**address(film), media_types=[("application/dicom", syntax)])
        assert refused.value.response.status_code == 406
        return
    whole = client.retrieve_instance(**address(film), media_types=[("application/dicom", syntax)])
    assert whole.file_meta.TransferSyntaxUID == syntax
    assert whole.SOPInstanceUID == film.SOPInstanceUID
    assert numpy.array_equal(pixel_array(whole, raw=True), decoded(sample["path"], tmp_path))


def url_of(server: Server, film: Dataset) -> str:
    series = f"{server.http}/dicomweb/studies/{film.StudyInstanceUID}/series/{film.SeriesInstanceUID}"
    return f"{series}/instances/{film.SOPInstanceUID}"


@pytest.mark.usefixtures("client")
def test_without_a_wish_it_is_explicit_little_endian_unless_something_was_lost(server: Server) -> None:
    session = server.session()
    session.headers["Accept"] = "application/dicom"
    for sample in SAMPLES:
        film = dcmread(sample["path"], stop_before_pixels=True)
        stored = film.file_meta.TransferSyntaxUID
        whole = dcmread(BytesIO(session.get(url_of(server, film), timeout=PATIENCE_SECONDS).content))
        assert whole.file_meta.TransferSyntaxUID == (stored if stored in LOSSY else ExplicitVRLittleEndian)


@pytest.mark.usefixtures("client")
def test_what_a_client_has_is_not_sent_again_and_pieces_are(server: Server) -> None:
    path = SAMPLES[0]["path"]
    url = url_of(server, dcmread(path, stop_before_pixels=True))
    session = server.session()
    session.headers["Accept"] = "application/dicom; transfer-syntax=*"
    whole = session.get(url, timeout=PATIENCE_SECONDS)
    assert whole.content == path.read_bytes()
    for header in [{"If-None-Match": whole.headers["ETag"]}, {"If-Modified-Since": whole.headers["Last-Modified"]}]:
        again = session.get(url, headers=header, timeout=PATIENCE_SECONDS)
        assert (again.status_code, again.content) == (304, b"")
    piece = session.get(url, headers={"Range": "bytes=128-131"}, timeout=PATIENCE_SECONDS)
    assert (piece.status_code, piece.content) == (206, b"DICM")
    assert piece.headers["Content-Range"] == f"bytes 128-131/{len(whole.content)}"
    beyond = session.get(url, headers={"Range": f"bytes={len(whole.content)}-"}, timeout=PATIENCE_SECONDS)
    assert beyond.status_code == 416


def decoded(path: Path, folder: Path) -> numpy.ndarray:
    """The pixels as pydicom reads them; JPEG lossless, which it cannot, is decoded by dcmtk."""
    if dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID == JPEGLosslessSV1:
        run = run_tool("dcmdjpeg", path, folder / "decoded.dcm")
        assert run.returncode == 0, run.stderr
        path = folder / "decoded.dcm"
    return pixel_array(dcmread(path), raw=True)


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])
def test_renderings_are_images_of_the_right_size(client: DICOMwebClient, media_type: str) -> None:
    film = dcmread(SAMPLES[0]["path"], stop_before_pixels=True)
    rendered = client.retrieve_instance_rendered(**address(film), media_types=[media_type])
    image = Image.open(BytesIO(rendered))
    assert image.get_format_mimetype() == media_type
    assert (image.height, image.width) == (film.Rows, film.Columns)


def test_what_is_stored_again_is_a_success_and_what_is_broken_is_not(client: DICOMwebClient, film: Dataset) -> None:
    for _ in range(2):
        answer = client.store_instances([film])
        assert [one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence] == [film.SOPInstanceUID]
    del film.StudyInstanceUID
    with pytest.raises(requests.HTTPError) as refused:
        client.store_instances([film])
    assert refused.value.response.status_code == 409


def test_what_is_not_there_is_not_found(client: DICOMwebClient) -> None:
    with pytest.raises(requests.HTTPError) as missing:
        client.retrieve_study_metadata("1.2.3.4.5.6.7")
    assert missing.value.response.status_code == 404


def test_capabilities_are_wadl(server: Server) -> None:
    answer = server.session().options(f"{server.http}/dicomweb/", timeout=PATIENCE_SECONDS)
    assert answer.headers["Content-Type"] == "application/vnd.sun.wadl+xml"
    wadl = ElementTree.fromstring(answer.content)
    name = {"wadl": "http://wadl.dev.java.net/2009/02"}
    [resources] = wadl.findall("wadl:resources", name)
    assert resources.get("base") == f"{server.http}/dicomweb"
    [search] = resources.findall("wadl:resource[@path='studies']/wadl:method[@id='SearchForStudies']", name)
    assert "PatientName" in {parameter.get("name") for parameter in search.iterfind("wadl:request/wadl:param", name)}


def test_nothing_is_open_without_a_token(server: Server) -> None:
    stranger = DICOMwebClient(f"{server.http}/dicomweb")
    with pytest.raises(requests.HTTPError) as refused:
        stranger.search_for_studies()
    assert refused.value.response.status_code == 401
