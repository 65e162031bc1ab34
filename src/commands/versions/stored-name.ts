/** What a person calls a folder or module → what the state directory calls it. */
import path from 'node:path';
import { readRecords } from '../../deploy/keep/record-files.ts';
import type { Journal } from '../../journal/journal.ts';
import { canonicalSpelling } from '../../names.ts';
import type { CommandIo } from '../command.ts';

/**
 * A name as it is listed stays what it is; a path of this machine that lies in a known folder is
 * translated: `./site/hello.wasm` → `/folder/hello.wasm`. Where both fit, the listed name is meant.
 */
export async function nameStored(
  asked: string,
  options: { readonly directory: string; readonly io: CommandIo; readonly journal: Journal },
): Promise<string> {
  const listed = canonicalSpelling(asked.replace(/\/+$/, ''));
  const records = await readRecords(options.directory, options.journal);
  const isListed = records.some(
    ({ folderKey }) => listed === folderKey || listed.startsWith(`${folderKey}/`),
  );
  if (isListed) return listed;
  const absolute = path.resolve(options.io.machine.workingDirectory, asked);
  for (const { folderKey, directory } of records) {
    const below = path.relative(directory, absolute);
    if (below === '') return folderKey;
    if (!below.startsWith('..') && !path.isAbsolute(below)) return `${folderKey}/${below}`;
  }
  return listed;
}
