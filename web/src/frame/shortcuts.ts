/** Keyboard shortcuts: whatever binds a key here also appears in the `?` list. */
import { useEffect, useRef, useSyncExternalStore } from 'react';

export interface Shortcut {
  /** As `KeyboardEvent.key`, such as `j`, `Enter`, `?`. */
  key: string;
  /** What happens, for the list; keys with the same text share a line. */
  what: string;
  run: () => void;
}

/** What one component binds; read when needed, since it may differ after each render. */
interface Group {
  title: string;
  current: () => readonly Shortcut[];
}

let groups: Group[] = [];
const listeners = new Set<() => void>();

function change(next: Group[]): void {
  groups = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** All shortcuts that work now, for the `?` list. */
export function useShortcutGroups(): readonly Group[] {
  return useSyncExternalStore(subscribe, () => groups);
}

/** Typing, and what a focused control or an open dialogue does itself, is not a shortcut. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (target.closest('input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]'))
    return true;
  if (event.key.startsWith('Arrow') && target.closest('[role=slider]')) return true;
  return document.querySelector('[role=dialog], [role=menu]') !== null;
}

/** Binds shortcuts while mounted. `shortcuts` may be new on each render. */
export function useShortcuts(title: string, shortcuts: Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;

  useEffect(() => {
    const group: Group = { title, current: () => latest.current };
    change([...groups, group]);
    const onKey = (event: KeyboardEvent) => {
      if (isTaken(event)) return;
      const shortcut = latest.current.find(({ key }) => key === event.key);
      if (shortcut === undefined) return;
      event.preventDefault();
      shortcut.run();
    };
    // While capturing: the image viewport keeps key presses to itself.
    window.addEventListener('keydown', onKey, { capture: true });
    return () => {
      window.removeEventListener('keydown', onKey, { capture: true });
      change(groups.filter((each) => each !== group));
    };
  }, [title]);
}
