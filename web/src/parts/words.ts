/** Values of the API as the words people use. */

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

/** "4 y · F", as far as known. */
export function ageAndSex(age: string | null | undefined, sex: string | null | undefined): string {
  return [age, sex].filter(Boolean).join(' · ') || '–';
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
