"""Reads a File-set with pydicom, which follows the offsets of its records; a line for each instance."""

import sys
from pathlib import Path

from pydicom import dcmread
from pydicom.fileset import FileSet

folder = Path(sys.argv[1])
directory = dcmread(folder / "DICOMDIR")
records = directory.DirectoryRecordSequence
kinds = {record.ReferencedSOPInstanceUIDInFile: record for record in records if "ReferencedFileID" in record}
for instance in FileSet(directory):
    found = dcmread(instance.path)
    record = kinds[found.SOPInstanceUID]
    assert found.SOPClassUID == record.ReferencedSOPClassUIDInFile == instance.SOPClassUID
    assert found.file_meta.TransferSyntaxUID == record.ReferencedTransferSyntaxUIDInFile
    assert (str(instance.PatientName), instance.PatientID) == (str(found.PatientName), found.PatientID)
    assert instance.StudyInstanceUID == found.StudyInstanceUID
    path = Path(instance.path).relative_to(folder).as_posix()
    print(record.DirectoryRecordType, path, instance.SeriesNumber, record.InstanceNumber)
