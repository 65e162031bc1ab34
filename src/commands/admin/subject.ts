/**
 * What people call a folder or a module of it: `/keybase/public/you/jobs/clean.wasm`, in any
 * spelling; `example.com/clean.wasm`, or the whole URL; `./site/clean.wasm`.
 */
import path from 'node:path';
import { canonicalSpelling } from '../../names.ts';
import type { Connection } from './connection.ts';

export interface Subject {
  readonly folder: string;
  readonly module: string | undefined;
}

interface FolderRow {
  readonly folder: string;
  readonly directory: string;
  readonly hostNames: readonly string[];
}

/**
 * Folders in use say what they are called and where they end; of others the last part is the
 * module. Where two fit, the longer name is meant.
 *
 * @param workingDirectory Of the person who typed it.
 */
export async function splitSubject(
  text: string,
  daemon: Connection,
  workingDirectory: string,
): Promise<Subject> {
  const spellings = spellingsOf(text, workingDirectory);
  let found: (Subject & { readonly length: number }) | undefined;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = cursor === '' ? '' : `?${new URLSearchParams({ cursor })}`;
    const page = await daemon.json(`/v1/folders${query}`);
    for (const row of page.folders as FolderRow[]) {
      for (const { length, module } of namesIn(row, spellings)) {
        if (length > (found?.length ?? 0)) found = { folder: row.folder, module, length };
      }
    }
    cursor = page.cursor as string | null;
  }
  return found === undefined ? splitByName(text) : { folder: found.folder, module: found.module };
}

interface Spellings {
  readonly asKey: string;
  readonly asHost: string;
  readonly asPath: string;
  /** The host of a URL; undefined where none was typed. */
  readonly hostOfUrl: string | undefined;
}

const urlPattern = /^https?:\/\/([^/?#:]+|\[[^\]]*\])(?::\d+)?([^?#]*)/i;

function spellingsOf(text: string, workingDirectory: string): Spellings {
  const [, hostOfUrl, pathOfUrl = ''] = urlPattern.exec(text) ?? [];
  const bare = withoutSlash(hostOfUrl === undefined ? text : hostOfUrl + decoded(pathOfUrl));
  const [host = '', ...rest] = bare.split('/');
  return {
    asKey: canonicalSpelling(bare),
    asHost: [host.toLowerCase(), ...rest].join('/'),
    asPath: path.resolve(workingDirectory, bare),
    hostOfUrl: hostOfUrl?.toLowerCase(),
  };
}

/** As a person reads it; what is no percent-encoding stays as it was typed. */
function decoded(pathOfUrl: string): string {
  try {
    return decodeURIComponent(pathOfUrl);
  } catch (error) {
    if (error instanceof URIError) return pathOfUrl;
    throw error;
  }
}

/** How the folder may be meant: by a name so long, and which module. */
function namesIn(
  { directory, folder, hostNames }: FolderRow,
  { asHost, asKey, asPath, hostOfUrl }: Spellings,
): readonly { readonly length: number; readonly module: string | undefined }[] {
  // One that is served by its path answers for every name.
  const isOfAllNames = folder.startsWith('/local/') && hostOfUrl !== undefined;
  const pairs: readonly (readonly [string, string])[] = [
    [asKey, folder],
    [asPath, directory],
    ...(isOfAllNames ? [hostOfUrl] : hostNames).map((name) => [asHost, name] as const),
  ];
  return pairs.flatMap(([spelling, name]) => {
    if (spelling === name) return { length: name.length, module: undefined };
    const isBelow = spelling.startsWith(`${name}/`);
    return isBelow ? { length: name.length, module: spelling.slice(name.length + 1) } : [];
  });
}

/** The same without a daemon. */
export function splitByName(text: string): Subject {
  const bare = canonicalSpelling(withoutSlash(text));
  const [, folder, module] =
    /^(\/.+?)\/((?:store|files):.+)$/s.exec(bare) ?? /^(\/.+)\/([^/]+\.wasm)$/s.exec(bare) ?? [];
  return folder === undefined ? { folder: bare, module: undefined } : { folder, module };
}

function withoutSlash(text: string): string {
  return text.replace(/(?<=.)\/$/, '');
}
