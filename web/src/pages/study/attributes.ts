/** Reads values of DICOM attributes in the JSON model (PS3.18 annex F). */
import type { DicomJson } from '../../api/dicomweb';

/** The first value of an attribute as text, such as the photometric interpretation. */
export function textOf(attributes: DicomJson, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** All numeric values of an attribute; DS and IS may come as text or number (PS3.18 §F.2.3). */
export function numbersOf(attributes: DicomJson, tag: string): number[] {
  return (attributes[tag]?.Value ?? []).map(Number).filter(Number.isFinite);
}
