/** Several that speak of one thing, side by side, with what differs marked by sign and weight. */
import { Table } from '@mantine/core';
import { IconEqualNot } from '@tabler/icons-react';
import classes from './Compared.module.css';

interface ComparedRow {
  label: string;
  values: (string | null | undefined)[];
  /** Whether the values, as far as they are said, tell the columns apart. */
  differs: boolean;
}

interface ComparedProps {
  label: string;
  columns: string[];
  rows: ComparedRow[];
}

export function Compared({ label, columns, rows }: ComparedProps) {
  return (
    <Table aria-label={label} fz="sm" verticalSpacing={4} layout="fixed">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={140}>Attribute</Table.Th>
          {columns.map((column) => (
            <Table.Th key={column}>{column}</Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.label} className={row.differs ? classes.differs : undefined}>
            <Table.Th scope="row">
              {row.label}
              {row.differs && (
                <IconEqualNot size={14} stroke={2} role="img" aria-label="differs" className={classes.sign} />
              )}
            </Table.Th>
            {row.values.map((value, place) => (
              <Table.Td key={columns[place]} className={classes.value}>
                {value || <span className="dim">–</span>}
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
