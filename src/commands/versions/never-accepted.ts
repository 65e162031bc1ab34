/** Files that were never accepted: no state directory has them, the daemon that runs knows them. */
import type { ListedModule } from '../../deploy/keep/versions.ts';
import type { Connection } from '../admin/connection.ts';

interface ToldFolder {
  readonly folder: string;
  readonly modules: { readonly refused: number };
}

interface ToldModule {
  readonly module: string;
  readonly verdict: string;
  readonly error: { readonly detail: string } | null;
  readonly versions: readonly unknown[];
}

/**
 * @param directories Of the state: a daemon with another one is not the one that is asked about.
 * @param filter A folder key, or one followed by `/` and a module path; undefined: all.
 */
export async function listNeverAccepted(
  daemon: Connection,
  directories: readonly string[],
  filter: string | undefined,
): Promise<readonly ListedModule[]> {
  const { stateDirectory } = await daemon.json('/v1/status');
  if (!directories.includes(String(stateDirectory))) return [];
  const found: ListedModule[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ only: 'wrong', ...(cursor === '' ? {} : { cursor }) });
    const page = await daemon.json(`/v1/folders?${query}`);
    for (const { folder, modules } of page.folders as readonly ToldFolder[]) {
      const isMeant = filter === undefined || filter === folder || filter.startsWith(`${folder}/`);
      if (isMeant && modules.refused > 0) found.push(...(await listRefused(daemon, folder)));
    }
    cursor = page.cursor as string | null;
  }
  const nameOf = ({ folderKey, modulePath }: ListedModule): string => `${folderKey}/${modulePath}`;
  return found.filter((module) => [undefined, module.folderKey, nameOf(module)].includes(filter));
}

async function listRefused(daemon: Connection, folder: string): Promise<readonly ListedModule[]> {
  const told = await daemon.json(`/v1/folders/${encodeURIComponent(folder)}`);
  return (told.modules as readonly ToldModule[])
    .filter(({ verdict, versions }) => verdict === 'refused' && versions.length === 0)
    .map(({ error, module }) => ({
      folderKey: folder as ListedModule['folderKey'],
      modulePath: module as ListedModule['modulePath'],
      versions: [],
      isPinned: false,
      isGone: false,
      refusal: error?.detail,
    }));
}
