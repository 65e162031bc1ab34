/** When the daemon practises: a moment after its start, where nobody has deployed meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '../deploy/publish.ts';
import { describeError, TerrafirmaError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { ServingThreads } from './threads.ts';

/** What a start does beside serving is over by then. */
const practiseAfterMs = 1_000;

export interface PracticeParts {
  readonly journal: Pick<Journal, 'tell'>;
  readonly publisher: Pick<Publisher, 'practice'>;
  readonly threads: Pick<ServingThreads, 'tell'>;
}

/** Never rejects: without, the first module takes longer, and nothing else. */
export async function practiseLater({ journal, ...parts }: PracticeParts): Promise<void> {
  await sleep(practiseAfterMs, undefined, { ref: false });
  try {
    const loaded = await parts.publisher.practice.run();
    if (loaded !== undefined) parts.threads.tell({ kind: 'practise', loaded });
  } catch (error) {
    if (error instanceof TerrafirmaError && error.code === 'draining') return;
    journal.tell('not-practised', { reason: describeError(error) });
  }
}
