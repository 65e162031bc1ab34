import { expect, test } from 'vitest';
import { practiseLater } from '../../src/daemon/practice.ts';
import type { Practice } from '../../src/deploy/practice/practice.ts';
import { TerrafirmaError } from '../../src/errors.ts';
import type { LoadedModule, ToThread } from '../../src/threads/messages.ts';

const loaded = { digest: 'practised' } as unknown as LoadedModule;

async function practised(run: () => Promise<LoadedModule | undefined>) {
  const told: string[] = [];
  const sent: ToThread[] = [];
  await practiseLater({
    journal: { tell: (event) => told.push(event) },
    publisher: { practice: { run } as Practice },
    threads: { tell: (message) => sent.push(message) },
  });
  return { told, sent };
}

test('serving threads get what was practised on; what goes wrong ends nothing', async () => {
  const endings = await Promise.all([
    practised(async () => loaded),
    practised(async () => undefined),
    practised(async () => {
      throw new TerrafirmaError('overloaded');
    }),
    practised(async () => {
      throw new TerrafirmaError('draining');
    }),
  ]);
  expect(endings).toEqual([
    { told: [], sent: [{ kind: 'practise', loaded }] },
    { told: [], sent: [] },
    { told: ['not-practised'], sent: [] },
    { told: [], sent: [] },
  ]);
});
