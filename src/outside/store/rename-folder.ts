/** Edge: the file of the shared store. A folder has another key from now on. */
import type { DatabaseSync } from 'node:sqlite';
import type { FolderKey, ModulePath } from '../../names.ts';
import type { Area } from './contract.ts';
import { moduleSpace, ownerOfSpace } from './spaces.ts';
import { inTransaction } from './sqlite-schema.ts';

/**
 * What was stored under `from` is there under `to`, but where something is there already. Spaces
 * are named by the folder's key alone, or begin with it and a line feed.
 */
export function renameFolder(database: DatabaseSync, from: FolderKey, to: FolderKey): void {
  const rename = database.prepare('UPDATE OR IGNORE spaces SET name = ?, owner = ? WHERE id = ?');
  inTransaction(database, () => {
    for (const { id, area, name } of database.prepare('SELECT * FROM spaces').all()) {
      const renamed = renamedFrom(String(name), { from, to });
      if (renamed === undefined) continue;
      rename.run(renamed, ownerOfSpace(area as Area, renamed), Number(id));
    }
  });
}

function renamedFrom(
  name: string,
  { from, to }: { readonly from: FolderKey; readonly to: FolderKey },
): string | undefined {
  if (name === from) return to;
  const start = startOf(from);
  return name.startsWith(start) ? startOf(to) + name.slice(start.length) : undefined;
}

/** Folder key and line feed. */
function startOf(folderKey: FolderKey): string {
  return moduleSpace(folderKey, '' as ModulePath).name;
}
