/** The head of the column of what can be done with a row: only who hears the page needs its name. */
import { Table, VisuallyHidden } from '@mantine/core';

export function ActionsHead() {
  return (
    <Table.Th>
      <VisuallyHidden>Actions</VisuallyHidden>
    </Table.Th>
  );
}
