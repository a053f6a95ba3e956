/** The search lives in the address, so that a link, a reload and the way back see the same list. */
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';
import type { StudyQuery } from '../../api/qido';

export const pageSize = 50;

export const noQuery: StudyQuery = {
  name: '',
  id: '',
  accession: '',
  from: '',
  to: '',
  modality: '',
  description: '',
};

const fields = Object.keys(noQuery) as (keyof StudyQuery)[];

export interface Search {
  query: StudyQuery;
  offset: number;
}

function searchOf(parameters: URLSearchParams): Search {
  const query = { ...noQuery };
  for (const field of fields) query[field] = parameters.get(field)?.trim() ?? '';
  return { query, offset: Math.max(0, Number.parseInt(parameters.get('offset') ?? '0', 10) || 0) };
}

function addressOf({ query, offset }: Search): URLSearchParams {
  const given = fields.filter((field) => query[field] !== '').map((field) => [field, query[field]]);
  return new URLSearchParams([...given, ...(offset > 0 ? [['offset', String(offset)]] : [])]);
}

/** The search and a way to change it; another question begins at its first page. */
export function useStudySearch(): [Search, (change: Partial<StudyQuery>) => void, (offset: number) => void] {
  const [parameters, setParameters] = useSearchParams();
  const ask = useCallback(
    (change: Partial<StudyQuery>) =>
      setParameters((current) => addressOf({ query: { ...searchOf(current).query, ...change }, offset: 0 }), {
        replace: true,
      }),
    [setParameters],
  );
  const turn = useCallback(
    (offset: number) => setParameters((current) => addressOf({ ...searchOf(current), offset })),
    [setParameters],
  );
  return [searchOf(parameters), ask, turn];
}
