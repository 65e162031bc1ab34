import { expect, test } from 'vitest';
import { TicketKeys } from '../../src/tls/ticket-keys.ts';

test('ticket keys are as OpenSSL wants them, and are replaced from time to time', async () => {
  const keys = new TicketKeys();
  const first = keys.current;
  expect(first).toHaveLength(48);
  const next = await new Promise<Uint8Array>((resolve) => keys.rotate(resolve, 5));
  keys.close();
  expect(next).toHaveLength(48);
  expect(Buffer.from(next).equals(first)).toBe(false);
  expect(Buffer.from(keys.current).equals(next)).toBe(true);
});
