/** Where the timeline of a study is. */
export function timelineAddress(studyInstanceUid: string): string {
  return `/studies/${encodeURIComponent(studyInstanceUid)}`;
}
