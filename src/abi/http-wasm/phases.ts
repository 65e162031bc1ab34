/** What a handler may do to its messages before the next handler has had them, and after. */
import type { HandlerGuest } from './guest.ts';
import { features } from './run.ts';

export type Side = 'request' | 'response';

/** Traps where it is too late. From then on the exchange cannot go on as it came. */
export function requireChangeable(guest: HandlerGuest, side: Side, action: string): void {
  const { run } = guest;
  run.isChanged = true;
  if (!run.isAfterNext) return;
  if (side === 'request') {
    guest.trap(`Cannot ${action}: not after the next handler has had the request`);
  }
  requireBuffered(guest, action);
}

/** Traps where the body of that side cannot be read any more. */
export function requireReadable(guest: HandlerGuest, side: Side): void {
  if (!guest.run.isAfterNext) return;
  if (side === 'response') requireBuffered(guest, 'read the body of the response');
  else if (!guest.run.has(features.bufferRequest)) {
    const rule = 'after the next handler only with the feature 1, buffer request';
    guest.trap(`Cannot read the body of the request: ${rule}: received no such feature`);
  }
}

function requireBuffered(guest: HandlerGuest, action: string): void {
  if (guest.run.has(features.bufferResponse)) return;
  const rule = 'after the next handler only with the feature 2, buffer response';
  guest.trap(`Cannot ${action}: ${rule}: received no such feature; call enable_features before`);
}
