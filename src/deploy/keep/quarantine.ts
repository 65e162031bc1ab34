/**
 * Edge: the suspects/ directory of the state. Remembers over a restart which modules were new to
 * the process when it ended without saying so.
 *
 *     suspects/probation.json   modules of the running daemon: those on probation, those in use
 *     suspects/<digest>.json    one module: its marks, one for an end of the daemon during its
 *                               probation, less for one that may have been another's doing
 *
 * A module is on probation from before it is first handed out until it has been in use for a while.
 * With two marks it is quarantined: no daemon loads it until an operator releases it, by deleting
 * its file. The daemon alone writes here; the command line only deletes.
 */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { fileErrorCode, writeDurably, writeWhole } from '../../outside/state/durable.ts';
import type { Digest } from '../../threads/messages.ts';
import { digestOf, listOf, numberOf, objectOf, parseJson, textOf } from './record.ts';
import { listNames } from './record-files.ts';

/** With so many marks a module is kept from running. */
export const marksMax = 2;
const unexplainedKeptMs = 24 * 60 * 60 * 1_000;

/** What a daemon leaves behind that ends without saying so. */
export interface LeftBehind {
  readonly onProbation: ReadonlySet<Digest>;
  /** Of them, those of which no guest was made yet. */
  readonly untried: ReadonlySet<Digest>;
  readonly inUse: ReadonlySet<Digest>;
  /** Of the machine: when it went down as a whole, no module is to blame. */
  readonly bootId: string;
  /** Processes that the kernel had ended for want of memory; undefined: it does not say. */
  readonly oomKills: number | undefined;
}

export class Suspects {
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #marks: Map<Digest, number>;

  private constructor(directory: string, journal: Journal, marks: Map<Digest, number>) {
    this.#directory = directory;
    this.#journal = journal;
    this.#marks = marks;
  }

  /** @throws TerrafirmaError('state') when the directory cannot be read */
  static async open(stateDirectory: string, journal: Journal): Promise<Suspects> {
    try {
      const marks = await readMarks(stateDirectory, journal);
      return new Suspects(join(stateDirectory, 'suspects'), journal, new Map(marks));
    } catch (error) {
      const detail = `Cannot use the state directory ${stateDirectory}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
  }

  /** For ends of the daemon during the probation of a module. */
  marksOf(digest: Digest): number {
    const marks = this.#marks.get(digest) ?? 0;
    if (marks < marksMax || existsSync(this.#path(digest))) return marks;
    this.#marks.delete(digest);
    this.#journal.tell('module-released', { digest });
    return 0;
  }

  /** Why a module may not run; undefined when it may. */
  refusalOf(digest: Digest): ErrorRecord | undefined {
    return this.marksOf(digest) < marksMax ? undefined : quarantineRecord(digest);
  }

  /** One more end of the daemon, or a part of one; durable when it resolves. */
  async mark(digest: Digest, part = 1): Promise<void> {
    const marks = this.marksOf(digest) + part;
    this.#marks.set(digest, marks);
    await writeDurably(this.#path(digest), `${JSON.stringify({ format: 1, marks })}\n`);
    const what = 'the daemon ended while this module was new to it';
    const reason = marks < marksMax ? what : `${what}, again and again`;
    this.#journal.tell(marks < marksMax ? 'module-marked' : 'module-quarantined', {
      digest,
      reason,
    });
  }

  /** Modules with a mark that are not quarantined. */
  get count(): number {
    return this.#suspected.length;
  }

  /** It was one of these: the marks of others are taken back, but for the quarantined. */
  async narrowTo(digests: ReadonlySet<Digest>): Promise<void> {
    for (const digest of this.#suspected) if (!digests.has(digest)) await this.clear(digest);
  }

  get #suspected(): readonly Digest[] {
    return [...this.#marks].filter(([, marks]) => marks < marksMax).map(([digest]) => digest);
  }

  /** The module has done well. */
  async clear(digest: Digest): Promise<void> {
    if (!this.#marks.delete(digest)) return;
    await rm(this.#path(digest), { force: true });
  }

  /** What the last daemon left behind; undefined when it ended as it should. */
  async readLeftBehind(): Promise<LeftBehind | undefined> {
    const path = join(this.#directory, 'probation.json');
    try {
      const value = objectOf(parseJson(await readFile(path, 'utf8')), 'the probation');
      return {
        onProbation: new Set(listOf(value.onProbation, 'onProbation').map(digestOf)),
        // Earlier versions did not say: then it may have been any.
        untried: new Set(listOf(value.untried ?? value.onProbation, 'untried').map(digestOf)),
        oomKills: value.oomKills === undefined ? undefined : numberOf(value.oomKills, 'oomKills'),
        inUse: new Set(listOf(value.inUse, 'inUse').map(digestOf)),
        bootId: textOf(value.bootId, 'bootId'),
      };
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      this.#journal.tell('probation-damaged', { file: path, reason: describeError(error) });
      return undefined;
    }
  }

  /**
   * Whoever comes after this process finds it when it resolves. Not after a power cut: then nobody
   * is to blame, and the disk would take longer than all else that a module waits for.
   */
  async leaveBehind({ onProbation, untried, inUse, ...machine }: LeftBehind): Promise<void> {
    const lists = { onProbation: [...onProbation], untried: [...untried], inUse: [...inUse] };
    const left = { format: 1, ...machine, ...lists };
    await writeWhole(join(this.#directory, 'probation.json'), `${JSON.stringify(left)}\n`);
  }

  async leaveNothing(): Promise<void> {
    await rm(join(this.#directory, 'probation.json'), { force: true });
  }

  /** How many times a daemon ended lately when no module was new to it. */
  async countUnexplained(nowMs: number): Promise<number> {
    try {
      const path = join(this.#directory, 'unexplained.json');
      const value = objectOf(parseJson(await readFile(path, 'utf8')), 'the unexplained ends');
      const isRecent = Math.abs(nowMs - numberOf(value.atMs, 'atMs')) < unexplainedKeptMs;
      return isRecent ? numberOf(value.count, 'count') : 0;
    } catch {
      // None yet, or damaged: then it is counted from here.
      return 0;
    }
  }

  async noteUnexplained(nowMs: number): Promise<void> {
    const count = (await this.countUnexplained(nowMs)) + 1;
    const text = `${JSON.stringify({ format: 1, count, atMs: nowMs })}\n`;
    await writeDurably(join(this.#directory, 'unexplained.json'), text);
  }

  #path(digest: Digest): string {
    return join(this.#directory, `${digest}.json`);
  }
}

/** What visitors, owners and operators read of a quarantined module. */
export function quarantineRecord(digest: Digest): ErrorRecord {
  const detail =
    `Cannot run the module: it must not end the daemon: received ${digest}, which was new to it ` +
    `${marksMax} times or more when it ended; change the module, or have the operator release it ` +
    'with "terrafirma release"';
  return toErrorRecord(new TerrafirmaError('module-quarantined', detail));
}

/** The marks of all suspects, for the command line and the daemon. */
export async function readMarks(
  stateDirectory: string,
  journal: Journal,
): Promise<ReadonlyMap<Digest, number>> {
  const directory = join(stateDirectory, 'suspects');
  const marks = new Map<Digest, number>();
  for (const name of await listNames(directory)) {
    const digest = name.replace(/\.json$/, '');
    if (!/^[0-9a-f]{64}$/.test(digest)) continue;
    try {
      const value = objectOf(parseJson(await readFile(join(directory, name), 'utf8')), 'a mark');
      marks.set(digest as Digest, numberOf(value.marks, 'marks'));
    } catch (error) {
      // A mark that cannot be read was one all the same.
      marks.set(digest as Digest, 1);
      journal.tell('mark-damaged', { file: join(directory, name), reason: describeError(error) });
    }
  }
  return marks;
}

export async function readQuarantined(
  stateDirectory: string,
  journal: Journal,
): Promise<ReadonlySet<Digest>> {
  const marks = await readMarks(stateDirectory, journal);
  return new Set([...marks].filter(([, count]) => count >= marksMax).map(([digest]) => digest));
}

/**
 * Lets a quarantined module run again, in every state directory given. Resolves to its digest; a
 * running daemon takes it up at its next look at the folder. `digestStart` may be the first 8 or
 * more digits when they are unambiguous.
 *
 * @throws TerrafirmaError('usage') when no such module is quarantined
 */
export async function release(
  stateDirectories: readonly string[],
  digestStart: string,
  journal: Journal,
): Promise<Digest> {
  const each = stateDirectories.map((directory) => readQuarantined(directory, journal));
  const all = (await Promise.all(each)).flatMap((digests) => [...digests]);
  const quarantined = [...new Set(all)];
  const isDigestStart = /^[0-9a-f]{8,64}$/.test(digestStart);
  const found = quarantined.filter((digest) => digest.startsWith(digestStart));
  const [digest] = found;
  if (!isDigestStart || digest === undefined || found.length > 1) {
    const known = quarantined.map((one) => one.slice(0, 16)).join(', ') || 'none';
    const rule = `8 or more digits of one quarantined module are needed (quarantined: ${known})`;
    throw new TerrafirmaError('usage', `Cannot release: ${rule}: received ${digestStart}`);
  }
  for (const directory of stateDirectories) {
    await rm(join(directory, 'suspects', `${digest}.json`), { force: true });
  }
  return digest;
}
