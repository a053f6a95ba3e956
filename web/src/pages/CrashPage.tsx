import { Container } from '@mantine/core';
import { useRouteError } from 'react-router';
import { ProblemNotice } from '../parts/ProblemNotice';

/** What a person sees when a page itself breaks. */
export function CrashPage() {
  const error = useRouteError();
  return (
    <Container component="main" py="xl">
      <ProblemNotice error={error} onRetry={() => location.reload()} />
    </Container>
  );
}
