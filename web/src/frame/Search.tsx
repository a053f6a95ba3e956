/** ⌘K: jump to a page, or find a study by patient, id or accession number. */
import { useDebouncedValue } from '@mantine/hooks';
import { Spotlight } from '@mantine/spotlight';
import { IconSearch } from '@tabler/icons-react';
import { keepPreviousData } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../api/client';
import { useMay } from '../api/session';
import type { WorklistItem } from '../api/types';
import { AiStateMark } from '../parts/AiState';
import { personName } from '../parts/words';
import { menu } from './menu';

const studiesMax = 8;

function describe(study: WorklistItem): string {
  return [study.patient_id, study.accession_number, study.study_date, study.study_description]
    .filter(Boolean)
    .join(' · ');
}

export function Search() {
  const [text, setText] = useState('');
  const [search] = useDebouncedValue(text.trim(), 150);
  const navigate = useNavigate();
  const may = useMay();
  const found = api.useQuery(
    'get',
    '/api/v1/worklist',
    { params: { query: { search, limit: studiesMax } } },
    { enabled: search !== '' && may('study.read'), placeholderData: keepPreviousData },
  );
  const studies = search === '' ? [] : (found.data?.items ?? []);
  const pages = menu.filter(
    ({ action, label }) => may(action) && label.toLowerCase().includes(text.trim().toLowerCase()),
  );

  return (
    <Spotlight.Root
      query={text}
      onQueryChange={setText}
      shortcut={['mod + K', '/']}
      attributes={{ content: { 'aria-label': 'Search' } }}
    >
      <Spotlight.Search
        placeholder="Search studies and pages"
        aria-label="Search studies and pages"
        leftSection={<IconSearch size={18} stroke={1.6} aria-hidden />}
      />
      <Spotlight.ActionsList>
        {studies.length > 0 && (
          <Spotlight.ActionsGroup label="Studies">
            {studies.map((study) => (
              <Spotlight.Action
                key={study.study_instance_uid}
                label={personName(study.patient_name)}
                description={describe(study)}
                rightSection={<AiStateMark state={study.ai_state} />}
                onClick={() => navigate(`/read/${study.study_instance_uid}`)}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {pages.length > 0 && (
          <Spotlight.ActionsGroup label="Pages">
            {pages.map(({ path, label, purpose, Glyph }) => (
              <Spotlight.Action
                key={path}
                label={label}
                description={purpose}
                leftSection={<Glyph size={18} stroke={1.6} aria-hidden />}
                onClick={() => navigate(path)}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {studies.length + pages.length === 0 && !found.isFetching && (
          <Spotlight.Empty>Nothing matches “{text}”</Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
