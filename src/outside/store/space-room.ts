/** What a space of guests' data may hold, whatever the engine. Pure. */
import { inBytes } from '../../amounts.ts';
import { StoreError } from './contract.ts';
import type { StoreLimits } from './messages.ts';
import type { Planned } from './write-plan.ts';

export interface SpaceRoom {
  readonly bytes: number;
  readonly keys: number;
}

/**
 * What the writes would add. What makes the space smaller is always allowed.
 *
 * @throws StoreError `limit`
 */
export function requireSpaceRoom(
  limits: StoreLimits,
  space: SpaceRoom,
  planned: readonly Planned[],
): SpaceRoom {
  const { kvValueBytesMax, kvNamespaceBytesMax, kvNamespaceKeysMax } = limits;
  let bytes = 0;
  let keys = 0;
  for (const plan of planned) {
    if (plan.effect === 'save' && plan.valueBytes > kvValueBytesMax) {
      throw limit(`a value has at most ${inBytes(kvValueBytesMax)}`, `${plan.valueBytes} bytes`);
    }
    bytes += plan.addedBytes;
    keys += plan.addedKeys;
  }
  if (bytes > 0 && space.bytes + bytes > kvNamespaceBytesMax) {
    const rule = `a store holds at most ${inBytes(kvNamespaceBytesMax)}, keys included`;
    throw limit(rule, `${bytes} bytes over ${space.bytes}; remove some`);
  }
  if (keys > 0 && space.keys + keys > kvNamespaceKeysMax) {
    throw limit(`a store holds at most ${kvNamespaceKeysMax} keys`, `${keys} more; remove some`);
  }
  return { bytes, keys };
}

function limit(rule: string, received: string): StoreError {
  return new StoreError('limit', `Cannot store: ${rule}: received ${received}`);
}
