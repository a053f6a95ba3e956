import { Alert, Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Problem } from '../../api/problem';
import { useSignIn } from '../../api/session';
import { ProblemNotice } from '../../parts/ProblemNotice';

export function SignInForm({ name: given }: { name: string }) {
  const [name, setName] = useState(given);
  const [password, setPassword] = useState('');
  const signIn = useSignIn();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ name: name.trim(), password });
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="username"
          autoFocus={given === ''}
          required
          withAsterisk={false}
        />
        <PasswordInput
          label="Password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          autoFocus={given !== ''}
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {signIn.isError && <SignInProblem error={signIn.error} />}
        <Button type="submit" loading={signIn.isPending}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}

function SignInProblem({ error }: { error: unknown }) {
  if (!(error instanceof Problem) || error.status !== 401) return <ProblemNotice error={error} />;
  return (
    <Alert role="alert" variant="outline" color="gray" title="Name and password do not match">
      At the first start the server prints a one-time password for admin. An administrator can set a new one.
    </Alert>
  );
}
