import { Kbd, Modal, Stack, Table, Title } from '@mantine/core';
import { type Shortcut, useShortcutGroups } from './shortcuts';

const names: Record<string, string> = { Enter: '⏎', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc' };

/** One line per meaning, with all the keys that have it. */
function lines(shortcuts: readonly Shortcut[]): [string, string[]][] {
  const keysOf = new Map<string, string[]>();
  for (const { key, what } of shortcuts) keysOf.set(what, [...(keysOf.get(what) ?? []), names[key] ?? key]);
  return [...keysOf];
}

/** The `?` list of everything the keyboard can do on this page. */
export function ShortcutHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const groups = useShortcutGroups();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Keyboard shortcuts"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        {groups.map(({ title, current }) => (
          <section key={title}>
            <Title order={3} size="h6" mb={4}>
              {title}
            </Title>
            <Table verticalSpacing={4}>
              <Table.Tbody>
                {lines(current()).map(([what, keys]) => (
                  <Table.Tr key={what}>
                    <Table.Td>{what}</Table.Td>
                    <Table.Td ta="right">
                      {keys.map((key) => (
                        <Kbd key={key} ml={4}>
                          {key}
                        </Kbd>
                      ))}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
        ))}
      </Stack>
    </Modal>
  );
}
