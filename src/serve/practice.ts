/** A serving thread's part of the practice at the start; see deploy/practice/practice.ts. */
import type { ThreadCapabilities } from '../capability/lending.ts';
import type { GuestPool } from '../engine/supply/pool.ts';
import { type FolderKey, ownerOf } from '../names.ts';
import { indexPath } from '../site/table.ts';
import type { LoadedModule } from '../threads/messages.ts';

/** Stands where a site has its folder: no record may name one with a space. */
export const practiceKey = '/of practice' as FolderKey;

/** Makes a guest and gives it up, so that the code that does it is not cold. Never rejects. */
export async function practise(
  pool: Pick<GuestPool, 'forget' | 'tryOut'>,
  loaded: LoadedModule,
  capabilities: Pick<ThreadCapabilities, 'forRun'>,
): Promise<void> {
  const modulePath = indexPath([]);
  const lent = capabilities.forRun({ folderKey: practiceKey, modulePath, requestId: 'practice' });
  const shares = { owner: ownerOf(practiceKey), site: practiceKey, client: '' };
  await pool.tryOut(loaded, shares, lent);
  pool.forget(loaded);
}
