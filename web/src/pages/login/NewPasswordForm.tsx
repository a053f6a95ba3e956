import { Button, PasswordInput, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useChangePassword } from '../../api/session';
import { ProblemNotice } from '../../parts/ProblemNotice';

const passwordCharactersMin = 12;

export function NewPasswordForm() {
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [shown, setShown] = useState(false);
  const change = useChangePassword();

  const tooShort = password.length < passwordCharactersMin;
  const differs = password !== again;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setShown(true);
    if (!tooShort && !differs) change.mutate(password);
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <PasswordInput
          label="New password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={shown && tooShort ? `Use ${passwordCharactersMin} characters or more.` : undefined}
          autoComplete="new-password"
          autoFocus
          visibilityToggleButtonProps={{ 'aria-label': 'Show the new password' }}
        />
        <PasswordInput
          label="New password again"
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
          error={shown && differs ? 'The two passwords differ.' : undefined}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the repeated password' }}
        />
        {change.isError && <ProblemNotice error={change.error} />}
        <Button type="submit" loading={change.isPending}>
          Set password
        </Button>
      </Stack>
    </form>
  );
}
