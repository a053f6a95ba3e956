/** Where a study is corrected. */
export function correctionsAddress(studyInstanceUid: string): string {
  return `${timelineAddress(studyInstanceUid)}/corrections`;
}

/** Where the timeline of a study is. */
export function timelineAddress(studyInstanceUid: string): string {
  return `/studies/${encodeURIComponent(studyInstanceUid)}`;
}
