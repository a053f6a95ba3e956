/** OHIF, which the server offers beside these pages; a page of its own, so a link to it loads anew. */
const ohifRoot = '/ohif';

/** Where OHIF shows this study. */
export function ohifAddress(studyInstanceUid: string): string {
  return `${ohifRoot}/viewer?StudyInstanceUIDs=${encodeURIComponent(studyInstanceUid)}`;
}

/** Whether an address of this server belongs to OHIF. */
export function isOhif(address: string): boolean {
  return address === ohifRoot || address.startsWith(`${ohifRoot}/`) || address.startsWith(`${ohifRoot}?`);
}
