/** The part of DICOMweb (PS3.18) that the pages use. */
import { guardHeaders } from './client';
import { Problem, problemOf } from './problem';

/** Where one instance lives. */
export interface InstanceAddress {
  study: string;
  series: string;
  instance: string;
}

/** One attribute in the DICOM JSON model (PS3.18 annex F). */
export interface DicomAttribute {
  vr: string;
  Value?: unknown[];
  /** Base64. */
  InlineBinary?: string;
}

/** A data set in the DICOM JSON model, by tag. */
export type DicomJson = Record<string, DicomAttribute>;

export function instancePath({ study, series, instance }: InstanceAddress): string {
  return `/dicomweb/studies/${study}/series/${series}/instances/${instance}`;
}

/** A small picture of the instance, at most `side` pixels wide and high (PS3.18 §8.3.5). */
export function thumbnailPath(address: InstanceAddress, side: number): string {
  return `${instancePath(address)}/rendered?viewport=${side},${side}`;
}

/** Retrieves the attributes of one instance, without its pixels (PS3.18 §10.4). */
export async function fetchMetadata(address: InstanceAddress): Promise<DicomJson> {
  const response = await fetch(`${instancePath(address)}/metadata`, {
    headers: { Accept: 'application/dicom+json' },
  });
  if (!response.ok) throw await problemOf(response);
  const [first] = (await response.json()) as DicomJson[];
  if (first === undefined)
    throw new Problem(0, 'about:blank', 'The image has no metadata', undefined, undefined);
  return first;
}

/** Stores one file (PS3.18 §10.5); false when the server refuses this instance. */
async function storeFile(file: File): Promise<boolean> {
  const boundary = `lightbox-${Math.random().toString(36).slice(2)}${Date.now().toString(36)}`;
  const body = new Blob([
    `--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`,
    file,
    `\r\n--${boundary}--\r\n`,
  ]);
  const type = `multipart/related; type="application/dicom"; boundary=${boundary}`;
  const headers = { ...guardHeaders, 'Content-Type': type, Accept: 'application/dicom+json' };
  const response = await fetch('/dicomweb/studies', { method: 'POST', headers, body });
  if (response.ok) return true;
  if (response.status === 401 || response.status === 403 || response.status >= 500) {
    throw await problemOf(response);
  }
  return false;
}

/** Stores files one after another; `onProgress` hears how many are done. */
export async function storeFiles(
  files: File[],
  onProgress: (done: number) => void,
): Promise<{ stored: number; refused: number }> {
  let stored = 0;
  for (const [index, file] of files.entries()) {
    if (await storeFile(file)) stored += 1;
    onProgress(index + 1);
  }
  return { stored, refused: files.length - stored };
}
