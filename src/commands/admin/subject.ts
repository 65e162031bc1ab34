/** `/keybase/public/you/jobs/clean.wasm`: where the folder ends and the module begins. */
import type { Connection } from './connection.ts';

export interface Subject {
  readonly folder: string;
  readonly module: string | undefined;
}

/** Folders in use say where they end; of others the last part is the module. */
export async function splitSubject(text: string, daemon: Connection): Promise<Subject> {
  const bare = text.replace(/(?<=.)\/$/, '');
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = cursor === '' ? '' : `?${new URLSearchParams({ cursor })}`;
    const page = await daemon.json(`/v1/folders${query}`);
    for (const { folder } of page.folders as { readonly folder: string }[]) {
      if (bare === folder) return { folder, module: undefined };
      if (bare.startsWith(`${folder}/`)) {
        return { folder, module: bare.slice(folder.length + 1) };
      }
    }
    cursor = page.cursor as string | null;
  }
  return splitByName(bare);
}

/** The same without a daemon. */
export function splitByName(text: string): Subject {
  const [, folder, module] =
    /^(\/.+?)\/((?:store|files):.+)$/s.exec(text) ?? /^(\/.+)\/([^/]+\.wasm)$/s.exec(text) ?? [];
  return folder === undefined ? { folder: text, module: undefined } : { folder, module };
}
