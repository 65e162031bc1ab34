import type { Shares } from '../../../src/account/shares.ts';
import type { Turn } from '../../../src/engine/turn/scheduler.ts';
import type { OwnerKey } from '../../../src/names.ts';

/** Notes its turns, and lets go at once or when told. */
export class TestTurn implements Turn {
  readonly shares: Shares;
  readonly #onTurn: (turn: TestTurn) => void;

  constructor(site: string, onTurn: (turn: TestTurn) => void) {
    const [owner = ''] = site.split('/');
    this.shares = { owner: owner as OwnerKey, site, client: '' };
    this.#onTurn = onTurn;
  }

  onTurn(): void {
    this.#onTurn(this);
  }
}
