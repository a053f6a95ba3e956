/** Kinds of job as people call what they do. */
const words: Record<string, string> = {
  route: 'Show new series to the apps',
  run: 'Run an app',
  publish: 'Write a report',
  explain: 'Make a map',
  describe: 'Gather metadata of a series',
  deliver: 'Deliver a result',
  report_commitment: 'Tell a peer what is kept',
  ask_commitment: 'Ask a peer what it keeps',
  reject: 'Apply a rejection note',
  check_step: 'Compare with what a modality lists',
  compress: 'Compress a series',
  correct: 'Apply a merge to what arrived',
  match: 'Match a study with the orders',
  purge: 'Remove what was deleted',
  lifecycle: 'Apply the lifecycle rules',
};

export function jobWords(kind: string): string {
  return words[kind] ?? kind;
}
