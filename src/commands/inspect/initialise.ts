/** Tries what a module wants to be called once, before any request, as the daemon would. */
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

/** Why its initialisation fails; undefined where it does not, and where there is none. */
export async function tryInitialisation(
  loaded: LoadedModule,
  limits: Limits,
): Promise<string | undefined> {
  if (loaded.program.initialise === undefined) return undefined;
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
    const failure = await pool.tryOut(loaded, shares, {
      clock: systemClock,
      timer: systemTimer,
      fillRandom: (target) => random.fill(target),
      log: { isFull: true, write: () => undefined, trace: () => false },
    });
    return failure?.detail;
  } finally {
    pool.close();
  }
}
