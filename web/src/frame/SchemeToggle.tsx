import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { IconMoon, IconSun } from '@tabler/icons-react';

/** Between dark, the default, and light; the choice stays in this browser. */
export function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('dark');
  const other = scheme === 'dark' ? 'light' : 'dark';
  const Glyph = other === 'light' ? IconSun : IconMoon;
  return (
    <Tooltip label={`Switch to ${other}`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`Switch to ${other}`}
        onClick={() => setColorScheme(other)}
      >
        <Glyph size={18} stroke={1.6} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
