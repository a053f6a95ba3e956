/** Every study of the archive, searched as DICOMweb does it. */
import { Button, Group } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { searchParameters, searchStudies } from '../../api/qido';
import { Page } from '../../frame/Page';
import { EmptyState } from '../../parts/EmptyState';
import { ProblemNotice } from '../../parts/ProblemNotice';
import { FoundTable } from './FoundTable';
import { noQuery, pageSize, useStudySearch } from './query';
import { SearchForm } from './SearchForm';

export function StudiesPage() {
  const [{ query, offset }, ask, turn] = useStudySearch();
  // One more than a page shows, which tells whether there is another.
  const parameters = searchParameters(query, pageSize + 1, offset);
  const found = useQuery({
    queryKey: ['dicomweb', '/dicomweb/studies', parameters.toString()],
    queryFn: () => searchStudies(parameters),
    placeholderData: keepPreviousData,
  });
  const studies = found.data?.slice(0, pageSize);
  const asked = Object.values(query).some((value) => value !== '');

  return (
    <Page title="Studies" purpose="Find any study, and see what happened to it.">
      <SearchForm query={query} onChange={ask} />
      {found.isError && <ProblemNotice error={found.error} onRetry={() => void found.refetch()} />}
      {studies?.length === 0 && !asked && offset === 0 && (
        <EmptyState title="Nothing is stored yet">
          Every study that a peer sends, that is uploaded or imported is found here, with the way it took.
        </EmptyState>
      )}
      {studies?.length === 0 && (asked || offset > 0) && (
        <Group justify="center" py={48} gap="sm">
          No study matches.
          <Button variant="default" size="compact-md" onClick={() => ask(noQuery)}>
            Show all studies
          </Button>
        </Group>
      )}
      {!found.isError && studies?.length !== 0 && <FoundTable studies={studies} />}
      <Group component="nav" aria-label="Pages of the search" mt="sm" gap="sm" justify="flex-end">
        {offset > 0 && (
          <Button variant="default" size="compact-sm" onClick={() => turn(Math.max(0, offset - pageSize))}>
            Newer
          </Button>
        )}
        {(found.data?.length ?? 0) > pageSize && (
          <Button variant="default" size="compact-sm" onClick={() => turn(offset + pageSize)}>
            Older
          </Button>
        )}
      </Group>
    </Page>
  );
}
