/** Sign in, and the change of a one-time password that must follow. */
import { Center, Paper, Stack, Text, Title } from '@mantine/core';
import { useEffect } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import { useSession } from '../../api/session';
import { useTitle } from '../../frame/Page';
import { isOhif } from '../../parts/ohif';
import classes from './LoginPage.module.css';
import { NewPasswordForm } from './NewPasswordForm';
import { SignInForm } from './SignInForm';

export function LoginPage() {
  useTitle('Sign in');
  const session = useSession();
  const [parameters] = useSearchParams();
  if (session.isPending) return null;
  if (session.data && !session.data.password_change_required) {
    return <Leave to={destination(parameters.get('next'))} />;
  }
  return (
    <Center component="main" mih="100dvh" p="md">
      <Paper withBorder p="xl" w={380} className={classes.card}>
        <Stack gap="lg">
          <div className={classes.brand}>
            <img src="/icon.svg" alt="" width={28} height={28} />
            <Text fw={650} size="lg">
              Lightbox
            </Text>
          </div>
          <div>
            <Title order={1} size="h4">
              {session.data ? 'Choose your password' : 'Sign in'}
            </Title>
            <Text size="sm" c="dimmed">
              {session.data
                ? 'The one-time password has done its work. The new one needs 12 characters or more.'
                : 'Imaging AI, beside the images it read.'}
            </Text>
          </div>
          {session.data ? <NewPasswordForm /> : <SignInForm name={parameters.get('name') ?? ''} />}
        </Stack>
      </Paper>
    </Center>
  );
}

/** On to where they wanted to go: a page of ours, or OHIF. */
function Leave({ to }: { to: string }) {
  useEffect(() => {
    if (isOhif(to)) location.replace(to);
  }, [to]);
  return isOhif(to) ? null : <Navigate to={to} replace />;
}

/** Only a path of this server; anything else in the address is ignored. */
function destination(next: string | null): string {
  return next?.startsWith('/') && !next.startsWith('//') ? next : '/read';
}
