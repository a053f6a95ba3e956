import { type RefObject, useRef } from 'react';
import { useShortcuts } from './shortcuts';

/** j, k and the arrows move through the links of a table's body, Enter opens. Gives what goes on the body. */
export function useRowKeys(title: string, what: string): RefObject<HTMLTableSectionElement | null> {
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (step: number) => {
    const rows = [...(body.current?.querySelectorAll('tr') ?? [])];
    const links = rows.map((row) => row.querySelector('a')).filter((link) => link !== null);
    const current = links.indexOf(document.activeElement as HTMLAnchorElement);
    const next = current === -1 && step < 0 ? links.length - 1 : current + step;
    links[Math.min(links.length - 1, Math.max(0, next))]?.focus();
  };
  useShortcuts(title, [
    { key: 'j', what: `Next ${what}`, run: () => move(1) },
    { key: 'ArrowDown', what: `Next ${what}`, run: () => move(1) },
    { key: 'k', what: `Previous ${what}`, run: () => move(-1) },
    { key: 'ArrowUp', what: `Previous ${what}`, run: () => move(-1) },
    {
      key: 'Enter',
      what: `Open the ${what}`,
      run: () => (document.activeElement as HTMLElement | null)?.click(),
    },
  ]);
  return body;
}
