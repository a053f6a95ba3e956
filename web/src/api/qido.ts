/** QIDO-RS (PS3.18 §10.6): studies by what their attributes say. */
import type { DicomAttribute, DicomJson } from './dicomweb';
import { problemOf } from './problem';

/** What a person asks for; empty for anything. Dates as `YYYY-MM-DD`. */
export interface StudyQuery {
  name: string;
  id: string;
  accession: string;
  from: string;
  to: string;
  modality: string;
  description: string;
}

/** A study as the search finds it. */
export interface FoundStudy {
  uid: string;
  /** As in DICOM: `Family^Given`. */
  patientName: string;
  patientId: string;
  accession: string;
  /** `YYYY-MM-DD`, or empty. */
  date: string;
  description: string;
  modalities: string[];
  series: number;
  instances: number;
}

const tags = {
  uid: '0020000D',
  patientName: '00100010',
  patientId: '00100020',
  accession: '00080050',
  date: '00080020',
  description: '00081030',
  modalities: '00080061',
  series: '00201206',
  instances: '00201208',
};

const hasWildcard = (text: string) => /[*?]/.test(text);

/** "Doe, Jane" as DICOM writes it; what is typed is the beginning unless it has wildcards of its own. */
function nameKey(text: string): string {
  const name = text.replace(/,\s*/, '^');
  return hasWildcard(name) ? name : `${name}*`;
}

/** A date range (PS3.4 §C.2.2.2.5); open where one end is empty. */
function rangeKey(from: string, to: string): string {
  const digits = (date: string) => date.replaceAll('-', '');
  return from === '' && to === '' ? '' : `${digits(from)}-${digits(to)}`;
}

/** The parameters of a search; also its key in the cache. */
export function searchParameters(query: StudyQuery, limit: number, offset: number): URLSearchParams {
  const keys: Record<string, string> = {
    PatientName: query.name && nameKey(query.name),
    PatientID: query.id,
    AccessionNumber: query.accession,
    StudyDate: rangeKey(query.from, query.to),
    ModalitiesInStudy: query.modality.toUpperCase(),
    StudyDescription:
      query.description && (hasWildcard(query.description) ? query.description : `*${query.description}*`),
  };
  const given = Object.entries(keys).filter(([, value]) => value !== '');
  const include = ['StudyDescription', 'ModalitiesInStudy'].map((field) => ['includefield', field]);
  const page = [
    ['limit', String(limit)],
    ['offset', String(offset)],
  ];
  return new URLSearchParams([...given, ...include, ...page]);
}

/** Studies that match, the newest first. */
export async function searchStudies(parameters: URLSearchParams): Promise<FoundStudy[]> {
  const response = await fetch(`/dicomweb/studies?${parameters}`, {
    headers: { Accept: 'application/dicom+json' },
  });
  if (!response.ok) throw await problemOf(response);
  // 204: nothing matches.
  const rows = response.status === 204 ? [] : ((await response.json()) as DicomJson[]);
  return rows.map(studyOf);
}

function studyOf(row: DicomJson): FoundStudy {
  const date = textOf(row[tags.date]);
  return {
    uid: textOf(row[tags.uid]),
    patientName: textOf(row[tags.patientName]),
    patientId: textOf(row[tags.patientId]),
    accession: textOf(row[tags.accession]),
    date: date.length === 8 ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : '',
    description: textOf(row[tags.description]),
    modalities: (row[tags.modalities]?.Value ?? []).map(String),
    series: Number(textOf(row[tags.series]) || 0),
    instances: Number(textOf(row[tags.instances]) || 0),
  };
}

/** The first value as text; of a name, its groups as DICOM divides them. */
function textOf(attribute: DicomAttribute | undefined): string {
  const value = attribute?.Value?.[0];
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as Record<string, string>;
  return [Alphabetic, Ideographic, Phonetic].join('=').replace(/=+$/, '');
}
