/** The worklist's filters live in the address, so that a link, a reload and the viewer see the same list. */
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';
import type { AiState } from '../../api/types';
import { aiStates } from '../../parts/AiState';

export const pageSize = 50;

export interface WorklistFilters {
  search: string;
  aiState: AiState | undefined;
  offset: number;
}

const isAiState = (value: string | null): value is AiState => value !== null && value in aiStates;

export function filtersOf(parameters: URLSearchParams): WorklistFilters {
  const aiState = parameters.get('ai');
  return {
    search: parameters.get('search') ?? '',
    aiState: isAiState(aiState) ? aiState : undefined,
    offset: Math.max(0, Number.parseInt(parameters.get('from') ?? '0', 10) || 0),
  };
}

export function addressOf({ search, aiState, offset }: WorklistFilters): URLSearchParams {
  const parameters = new URLSearchParams();
  if (search) parameters.set('search', search);
  if (aiState) parameters.set('ai', aiState);
  if (offset) parameters.set('from', String(offset));
  return parameters;
}

/** What the worklist request sends for these filters. */
export function requestOf({ search, aiState, offset }: WorklistFilters) {
  const query = { limit: pageSize, offset, ...(search && { search }), ...(aiState && { ai_state: aiState }) };
  return { params: { query } };
}

/** The filters and a way to change some of them; any change but of the page goes back to the first page. */
export function useFilters(): [WorklistFilters, (change: Partial<WorklistFilters>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const change = useCallback(
    (some: Partial<WorklistFilters>) => {
      setParameters((current) => addressOf({ ...filtersOf(current), offset: 0, ...some }), { replace: true });
    },
    [setParameters],
  );
  return [filtersOf(parameters), change];
}
