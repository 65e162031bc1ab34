/**
 * Edge: the pins/ directory of the state. A rollback pins one kept version of one module: it serves
 * until the file's content becomes something else than it was at the time of the rollback. So a
 * rollback ends by itself with the next deploy, and never by the poll that sees the same bad file
 * again.
 *
 *     pins/<hash of folder key>/<hash of module path>.json    one file a rollback, written whole
 *     pins/changed                                            rewritten after each, polled
 *
 * The command line writes here, the daemon only reads: each file has one writer, so neither can
 * undo what the other did.
 */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import { fileErrorCode, writeDurably } from '../../outside/state/durable.ts';
import type { Digest } from '../../threads/messages.ts';
import { digestOf, objectOf, parseJson, textOf } from './record.ts';
import { hashName, listNames } from './store.ts';

export interface Pin {
  /** Told apart from every other rollback, also to the same version. */
  readonly id: string;
  readonly modulePath: ModulePath;
  readonly digest: Digest;
  /** The content of the file at the time of the rollback. */
  readonly seenDigest: Digest;
}

/** Durable when it resolves. A running daemon notices within one poll. */
export async function writePin(
  stateDirectory: string,
  folderKey: FolderKey,
  pin: Omit<Pin, 'id'>,
): Promise<void> {
  const id = randomBytes(12).toString('hex');
  const path = join(pinsDirectory(stateDirectory, folderKey), `${hashName(pin.modulePath)}.json`);
  await writeDurably(path, `${JSON.stringify({ format: 1, id, ...pin })}\n`);
  await writeDurably(join(stateDirectory, 'pins', 'changed'), id);
}

/** The pins of a folder, spent ones included; unreadable files are logged and count as none. */
export async function readPins(
  stateDirectory: string,
  folderKey: FolderKey,
  journal: Journal,
): Promise<ReadonlyMap<ModulePath, Pin>> {
  const directory = pinsDirectory(stateDirectory, folderKey);
  const pins = new Map<ModulePath, Pin>();
  for (const name of await listNames(directory)) {
    if (!name.endsWith('.json')) continue;
    try {
      const pin = parsePin(await readFile(join(directory, name), 'utf8'));
      pins.set(pin.modulePath, pin);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      journal.tell('rollback-damaged', { file: join(directory, name), reason });
    }
  }
  return pins;
}

/**
 * Changes whenever any pin of the state directory did; undefined, and logged, when it cannot be
 * read: the pins known then still hold.
 */
export async function pinsStamp(
  stateDirectory: string,
  journal: Journal,
): Promise<string | undefined> {
  try {
    const found = await stat(join(stateDirectory, 'pins', 'changed'), { bigint: true });
    return `${found.ino}:${found.mtimeNs}:${found.ctimeNs}`;
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return 'none';
    journal.tell('rollbacks-not-read', { reason: describeError(error) });
    return undefined;
  }
}

function parsePin(text: string): Pin {
  const value = objectOf(parseJson(text), 'a rollback');
  return {
    id: textOf(value.id, 'id'),
    modulePath: textOf(value.modulePath, 'modulePath') as ModulePath,
    digest: digestOf(value.digest),
    seenDigest: digestOf(value.seenDigest),
  };
}

/** Where the rollbacks of a folder are. */
export function pinsDirectory(stateDirectory: string, folderKey: FolderKey): string {
  return join(stateDirectory, 'pins', hashName(folderKey));
}
