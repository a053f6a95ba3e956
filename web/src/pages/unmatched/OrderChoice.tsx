/** The order to compare with: one that the server names, or one that a person finds. */
import { Radio, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Order } from '../../api/types';
import { personName } from '../../parts/words';

const foundMax = 8;

interface OrderChoiceProps {
  /** Those with the study's accession number or patient. */
  orders: Order[];
  chosen: Order | undefined;
  onChoose: (order: Order) => void;
}

export function OrderChoice({ orders, chosen, onChoose }: OrderChoiceProps) {
  const [text, setText] = useState('');
  const [search] = useDebouncedValue(text.trim(), 200);
  const found = api.useQuery(
    'get',
    '/api/v1/orders',
    { params: { query: { search, state: 'active', limit: foundMax } } },
    { enabled: search !== '', placeholderData: keepPreviousData },
  );
  const others = search === '' ? [] : (found.data?.items ?? []);
  const known = new Map(
    [...orders, ...others, ...(chosen ? [chosen] : [])].map((order) => [order.id, order]),
  );
  const choose = (id: string) => {
    const order = known.get(id);
    if (order) onChoose(order);
  };
  return (
    <Stack gap="xs">
      {known.size > 0 ? (
        <Radio.Group label="Order" value={chosen?.id ?? ''} onChange={choose}>
          <Stack gap={6} mt={4}>
            {[...known.values()].map((order) => (
              <Radio
                key={order.id}
                size="xs"
                value={order.id}
                disabled={order.state === 'canceled'}
                label={orderText(order)}
              />
            ))}
          </Stack>
        </Radio.Group>
      ) : (
        <Text size="sm" c="dimmed">
          No order has this accession number or patient.
        </Text>
      )}
      <TextInput
        size="xs"
        maw={360}
        label="Find another order"
        placeholder="Number, patient or procedure"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {search !== '' && found.isSuccess && others.length === 0 && (
        <Text size="sm" c="dimmed">
          No order matches.
        </Text>
      )}
    </Stack>
  );
}

function orderText(order: Order): string {
  const facts = [
    `${order.source} ${order.number}`,
    order.accession_number,
    order.patient_name && personName(order.patient_name),
    order.procedure_description || order.modality,
    order.scheduled_date,
    order.state === 'canceled' && 'canceled',
  ];
  return facts.filter(Boolean).join(' · ');
}
