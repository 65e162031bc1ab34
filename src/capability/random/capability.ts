/** Random bytes, from one pool a thread. */
import type { CapabilityDefinition } from '../definition.ts';
import type { FillRandom } from './contract.ts';
import { RandomPool } from './pool.ts';

export const randomCapability: CapabilityDefinition<FillRandom, FillRandom> = {
  openThread: () => {
    const pool = new RandomPool();
    return (target) => pool.fill(target);
  },
  lend: (fill) => fill,
};
