/** The shelf's values as words. */
import type { Conflict } from '../../api/types';

/** `peer:CT1` as "CT1", `upload:ada` as "ada, by upload". */
export function sourceText(source: string): string {
  const [kind, name] = source.split(':', 2);
  if (name === undefined) return source;
  return kind === 'upload' ? `${name}, by upload` : name;
}

/** What was decided, and by whom. */
export function stateText({ state, settled_by }: Conflict): string {
  if (state === 'open') return 'to be decided';
  const what = state === 'kept' ? 'what was stored stayed' : 'replaced; this is what was stored before';
  return settled_by ? `${what}, by ${settled_by}` : what;
}
