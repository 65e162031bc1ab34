/** Programs of the same bytes that begin their runs in different states. */
import type { Abi } from '../../abi/abi.ts';
import type { OwnerKey } from '../../names.ts';
import type { LoadedModule } from '../../threads/messages.ts';

export interface ProgramVariant {
  /** What its start is told; see `EarlyRules`. Undefined: it is not done before a request. */
  readonly kind: string | undefined;
  /** Undefined where nobody asks for variants. */
  readonly owner: OwnerKey | undefined;
  readonly memoryBytes: number;
}

export const onlyVariant: ProgramVariant = {
  kind: '',
  owner: undefined,
  memoryBytes: Number.POSITIVE_INFINITY,
};

/** Whether a program can be taken up where it stood, and its ABI tells a start what it asks. */
export function mayStartEarly({ program: { early } }: LoadedModule, abi: Abi): boolean {
  if (early === undefined || abi.early === undefined) return false;
  return abi.early.strings === undefined || early.told !== undefined;
}
