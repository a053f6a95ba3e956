/** The worklist: every study with what AI says of it. */
import { Button, Group } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { api } from '../../api/client';
import { Page } from '../../frame/Page';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { countText } from '../../parts/words';
import { EmptyWorklist } from './EmptyWorklist';
import { FilterBar } from './FilterBar';
import { pageSize, requestOf, useFilters } from './filters';
import { StudyTable } from './StudyTable';
import { UploadArea } from './UploadArea';

export function ReadPage() {
  const [filters, change] = useFilters();
  const worklist = api.useQuery('get', '/api/v1/worklist', requestOf(filters), {
    placeholderData: keepPreviousData,
  });
  const filtered = filters.search !== '' || filters.aiState !== undefined;
  const total = worklist.data?.total;

  return (
    <UploadArea>
      {(uploadButton) => (
        <Page title="Read" purpose="Every study that arrived, and what AI found in it." action={uploadButton}>
          <FilterBar filters={filters} onChange={change} total={total} />
          {worklist.isError && (
            <ProblemNotice error={worklist.error} onRetry={() => void worklist.refetch()} />
          )}
          {total === 0 && !filtered && <EmptyWorklist />}
          {total === 0 && filtered && (
            <Group justify="center" py={48} gap="sm">
              No study matches these filters.
              <Button
                variant="default"
                size="compact-md"
                onClick={() => change({ search: '', aiState: undefined })}
              >
                Show all studies
              </Button>
            </Group>
          )}
          {total !== 0 && !worklist.isError && (
            <StudyTable studies={worklist.data?.items} filters={filters} />
          )}
          <Pages total={total ?? 0} offset={filters.offset} onChange={(offset) => change({ offset })} />
        </Page>
      )}
    </UploadArea>
  );
}

interface PagesProps {
  total: number;
  offset: number;
  onChange: (offset: number) => void;
}

function Pages({ total, offset, onChange }: PagesProps) {
  if (total <= pageSize) return null;
  const last = Math.min(total, offset + pageSize);
  return (
    <Group component="nav" aria-label="Pages of the worklist" mt="sm" gap="sm" justify="flex-end">
      <span className="num dim">
        {offset + 1}–{last} of {countText(total, 'study', 'studies')}
      </span>
      <Button
        variant="default"
        size="compact-sm"
        disabled={offset === 0}
        onClick={() => onChange(Math.max(0, offset - pageSize))}
      >
        Newer
      </Button>
      <Button
        variant="default"
        size="compact-sm"
        disabled={last >= total}
        onClick={() => onChange(offset + pageSize)}
      >
        Older
      </Button>
    </Group>
  );
}
