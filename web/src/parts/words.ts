/** Values of the API as the words people use. */
import type { WorklistItem } from '../api/types';

/** A DICOM person name (PS3.5 §6.2.1) as "Family, Given Middle"; the first non-empty group counts. */
export function personName(value: string): string {
  const group = value.split('=').find((part) => part.replaceAll('^', '').trim() !== '') ?? '';
  const [family = '', given = '', middle = ''] = group.split('^').map((part) => part.trim());
  const first = [given, middle].filter(Boolean).join(' ');
  return [family, first].filter(Boolean).join(', ') || 'No name';
}

const sexes: Record<string, string> = { M: 'male', F: 'female', O: 'other' };

export function sexWord(value: string | null | undefined): string | undefined {
  return value ? (sexes[value] ?? value) : undefined;
}

/** The age that the images state, else the one at the study by the date of birth: "4 y", "7 mo". */
export function ageText({ patient_age, patient_birth_date, study_date }: WorklistItem): string | undefined {
  if (patient_age) return patient_age;
  if (!patient_birth_date || !study_date) return undefined;
  const [born, studied] = [patient_birth_date, study_date].map((date) => date.split('-').map(Number));
  const [year = 0, month = 0, day = 0] = born ?? [];
  const [studyYear = 0, studyMonth = 0, studyDay = 0] = studied ?? [];
  const months = (studyYear - year) * 12 + studyMonth - month - (studyDay < day ? 1 : 0);
  return months < 24 ? `${months} mo` : `${Math.floor(months / 12)} y`;
}

/** "4 y · F", as far as known. */
export function ageAndSex(study: WorklistItem): string {
  return [ageText(study), study.patient_sex].filter(Boolean).join(' · ') || '–';
}

/** A reason of the server as a sentence of its own. */
export function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** A score or threshold: two decimals, so that columns line up. */
export function scoreText(value: number): string {
  return value.toFixed(2);
}

/** Milliseconds as a person reads them: "24 ms", "1.3 s", "2 min". */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`;
}

const kinds: Record<string, string> = {
  sr: 'Structured report',
  sc: 'Image with overlay',
  seg: 'Segmentation',
  gsps: 'Presentation state',
};

export function resultKind(kind: string): string {
  return kinds[kind] ?? kind.toUpperCase();
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as a person reads them, in powers of 1000: "512 kB", "1.4 TB". */
export function bytesText(bytes: number): string {
  const power = Math.min(byteUnits.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${byteUnits[power]}`;
}
