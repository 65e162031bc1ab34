/** Tries what is done of a module once, before any request, as the daemon would. */
import { createCatalogue } from '../../abi/catalogue.ts';
import { Account } from '../../account/account.ts';
import { createSharedAccount } from '../../account/shared.ts';
import { systemClock, systemTimer } from '../../capability/clock/clock.ts';
import { RandomPool } from '../../capability/random/pool.ts';
import type { Limits } from '../../config/config.ts';
import { GuestPool } from '../../engine/supply/pool.ts';
import type { OwnerKey } from '../../names.ts';
import { createLedger, LedgerPage } from '../../threads/ledger.ts';
import type { LoadedModule } from '../../threads/messages.ts';

const site = '/inspect';
const processBytesMax = 2 ** 40;

export interface TriedStart {
  /** Why no request would be answered: its initialisation fails. */
  readonly failure?: string | undefined;
  /** Whether its start is done once; left out where it is none that could be. */
  readonly startsOnce?: boolean;
}

/** Without an owner's settings: her environment may lead to another end. */
export async function tryStart(loaded: LoadedModule, limits: Limits): Promise<TriedStart> {
  const { initialise, early } = loaded.program;
  if (initialise === undefined && early === undefined) return {};
  const memoriesMax = limits.instancesMax;
  const shared = createSharedAccount({ threads: 1, bytesMax: processBytesMax, memoriesMax });
  const pool = new GuestPool({
    limits,
    abis: createCatalogue(limits).abis,
    page: new LedgerPage(createLedger(1), 0),
    account: new Account(shared, 0),
    nowMs: () => performance.now(),
  });
  const random = new RandomPool();
  try {
    const shares = { owner: site as OwnerKey, site, client: '' };
    const failed = await pool.tryOut(loaded, shares, {
      clock: systemClock,
      timer: systemTimer,
      fillRandom: (target) => random.fill(target),
      log: { isFull: true, write: () => undefined, trace: () => false },
    });
    const failure = failed?.detail;
    return early === undefined ? { failure } : { startsOnce: pool.startsOnce(loaded, shares) };
  } finally {
    pool.close();
  }
}
