/**
 * What a guest is told where a capability says no. The tables are complete: a new kind of refusal
 * does not compile until somebody has decided.
 */
import { CapabilityRefusal, type RefusalKind } from '../../capability/refusal.ts';

/** `trap`: the contract has no result for it, and a guest that goes on would lose data. */
export type StoreAnswer = 'absent' | 'trap';

/** Of a guest that looks for a key: in a store that it may not have there is none. */
const whileLooking: Readonly<Record<RefusalKind, StoreAnswer>> = {
  input: 'trap',
  limit: 'trap',
  forbidden: 'absent',
  dns: 'trap',
  connection: 'trap',
  timeout: 'trap',
  abandoned: 'trap',
  unavailable: 'trap',
  full: 'trap',
};

/** What `kvstore_get` and `kvstore_remove` answer; writers always trap. */
export function answerLooking(error: unknown): StoreAnswer {
  return error instanceof CapabilityRefusal ? whileLooking[error.kind] : 'trap';
}
