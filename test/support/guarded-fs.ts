/** File systems for tests: a guard of its own, used by one owner. */
import type { OwnerKey } from '../../src/names.ts';
import { GuardedFs } from '../../src/outside/mount/guarded-fs.ts';
import { MountGuard, type MountGuardLimits } from '../../src/outside/mount/mount-guard.ts';

export const testOwner = '/keybase/private/alice' as OwnerKey;

export function guardedFs(limits: MountGuardLimits): GuardedFs {
  return new GuardedFs(new MountGuard({ limits }), testOwner);
}
