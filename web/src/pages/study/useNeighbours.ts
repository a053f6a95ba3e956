/** The worklist that the reader came from, and the studies before and after this one in it. */
import { useParams, useSearchParams } from 'react-router';
import { api } from '../../api/client';
import { filtersOf, requestOf } from '../read/filters';

/** The worklist with its filters, and for `navigate` the study to focus there, so that the list keeps its place. */
export function useWorklistAddress(): [address: string, options: { state: { opened: string | undefined } }] {
  const { study } = useParams();
  const [filters] = useSearchParams();
  const search = filters.toString();
  return [search ? `/read?${search}` : '/read', { state: { opened: study } }];
}

interface Neighbours {
  /** Addresses of their viewers; undefined at the ends of the list. */
  previous: string | undefined;
  next: string | undefined;
  /** From 1; undefined when the list no longer holds this study. */
  position: number | undefined;
  total: number;
}

export function useNeighbours(): Neighbours {
  const { study } = useParams();
  const [parameters] = useSearchParams();
  const filters = filtersOf(parameters);
  const worklist = api.useQuery('get', '/api/v1/worklist', requestOf(filters));
  const items = worklist.data?.items ?? [];
  const index = items.findIndex((item) => item.study_instance_uid === study);
  const address = (at: number) => {
    const uid = items[at]?.study_instance_uid;
    return uid && `/read/${uid}?${parameters}`;
  };
  return {
    previous: index > 0 ? address(index - 1) : undefined,
    next: index >= 0 ? address(index + 1) : undefined,
    position: index >= 0 ? filters.offset + index + 1 : undefined,
    total: worklist.data?.total ?? 0,
  };
}
