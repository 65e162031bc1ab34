/** Edge: everything of the state directory that the deploy road keeps there, opened in order. */

import type { Journal } from '../../journal/journal.ts';
import type { Digest } from '../../threads/messages.ts';
import { TrialBook } from '../build/trial-book.ts';
import type { DeployConfig } from '../deploy-config.ts';
import { Probation } from './probation.ts';
import { Suspects } from './quarantine.ts';
import { ModuleStore } from './store.ts';

export interface StateParts {
  readonly store: ModuleStore;
  readonly book: TrialBook;
  readonly suspects: Suspects;
  readonly probation: Probation;
}

/** @throws TerrafirmaError('state') when the directory cannot be used */
export async function openState(
  { stateDirectory, limits }: DeployConfig,
  journal: Journal,
): Promise<StateParts> {
  const store = await ModuleStore.open(stateDirectory, { journal, limits });
  const isKept = (digest: Digest): boolean => store.has(digest);
  const book = await TrialBook.open(stateDirectory, { journal, isKept });
  const suspects = await Suspects.open(stateDirectory, journal);
  const { probationMs } = limits;
  const probation = await Probation.open({ suspects, book, journal, probationMs, nowMs: Date.now });
  return { store, book, suspects, probation };
}
