/**
 * Edge: the forms/ directory of the state. Keeps what was made of modules, so that a module that is
 * read again, after a restart or in another folder, need not be read and rewritten again.
 *
 *     forms/<hash of the owner>/<digest>.<key>    one artifact
 *
 * A cache: nothing is lost with it. The key says what decides how an artifact is made, beside the
 * module: the code that does it, and the limits. What is read is held against hashes: of each form,
 * and of all that is known of them. A file that says something else is deleted.
 *
 * Files are read and written without waiting, in a thread that does nothing else meanwhile.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { OwnedCache } from '../../account/owned-cache.ts';
import type { OwnerKey } from '../../names.ts';
import { makeDirectory } from '../../outside/state/make-directory.ts';
import type { Digest } from '../../threads/messages.ts';
import type { FormFacts } from '../../threads/program.ts';
import { type Artifact, type ArtifactCore, formsOf } from '../build/artifact.ts';
import { allocateForm } from '../build/compile.ts';

export interface KeptFormsOptions {
  readonly directory: string;
  readonly bytesMax: number;
  /** The forms of other modules are deleted. */
  readonly isKept: (digest: Digest) => boolean;
}

/** Which artifact of a module; see the key above. */
export interface FormsName {
  readonly digest: Digest;
  readonly key: string;
}

interface KeptFile {
  readonly path: string;
  readonly bytes: number;
}

const hashBytes = 32;
const unfinished = 'unfinished';

export class KeptForms {
  readonly #directory: string;
  readonly #files: OwnedCache<string, KeptFile>;

  private constructor({ directory, bytesMax }: KeptFormsOptions) {
    this.#directory = directory;
    this.#files = new OwnedCache({
      max: bytesMax,
      sizeOf: ({ bytes }) => bytes,
      dispose: ({ path }) => rmSync(path, { recursive: true, force: true }),
    });
  }

  /**
   * Opens or makes the directory, and deletes what is of no use any more.
   *
   * @throws the file system's own error
   */
  static open(options: KeptFormsOptions): KeptForms {
    const forms = new KeptForms(options);
    makeDirectory(options.directory);
    for (const owner of readdirSync(options.directory, { withFileTypes: true })) {
      // Some other program's, such as a file manager's: not ours to delete.
      if (owner.isDirectory()) forms.#openOwner(owner.name, options);
    }
    return forms;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#files.size;
  }

  /** The artifact, if it is kept and undamaged. Never throws. */
  read(name: FormsName): Artifact | undefined {
    const file = this.#files.get(fileName(name));
    if (file === undefined) return undefined;
    try {
      const artifact = readArtifact(file.path);
      if (artifact.digest === name.digest) return artifact;
      throw new TypeError('it is of another module');
    } catch {
      // Damaged, or gone: then it is made anew, and kept anew.
      this.#files.delete(fileName(name));
      return undefined;
    }
  }

  /** @throws the file system's own error; then it is not kept */
  write(artifact: Artifact, owner: OwnerKey, name: FormsName): void {
    const ownerName = hash(Buffer.from(owner)).toString('hex').slice(0, 32);
    const directory = join(this.#directory, ownerName);
    const path = join(directory, fileName(name));
    const beside = `${path}.${unfinished}`;
    makeDirectory(directory);
    const parts = encode(artifact);
    try {
      writeParts(beside, parts);
      // What is deleted in its place must not be this one.
      this.#files.delete(fileName(name));
      renameSync(beside, path);
    } catch (error) {
      // On a full disk half a file is what it is full of.
      rmSync(beside, { recursive: true, force: true });
      throw error;
    }
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    this.#files.add(ownerName as OwnerKey, fileName(name), { path, bytes });
  }

  #openOwner(owner: string, { isKept }: KeptFormsOptions): void {
    const directory = join(this.#directory, owner);
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const { name } = entry;
      const path = join(directory, name);
      const digest = name.split('.', 1)[0] as Digest;
      const isWhole = entry.isFile() && !name.endsWith(unfinished);
      const isOurs = isWhole && isKept(digest) && !this.#files.has(name);
      if (isOurs) this.#files.add(owner as OwnerKey, name, { path, bytes: statSync(path).size });
      else rmSync(path, { force: true, recursive: true });
    }
  }
}

function fileName({ digest, key }: FormsName): string {
  return `${digest}.${key}`;
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Hash of the facts, their length, the facts, and the forms as `formHashes` has them. */
function encode(artifact: Artifact): readonly Uint8Array[] {
  const cores = artifact.cores.map(({ code, cardsCode, engine, ...core }) => ({
    ...core,
    lengths: [code.length, cardsCode?.length],
    engine: {
      metered: mapRuns(engine.metered, (runs) => Uint8Array.from(runs)),
      cards: engine.cards && mapRuns(engine.cards, (runs) => Uint8Array.from(runs)),
    },
  }));
  const facts = serialize({ ...artifact, cores });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(facts.length);
  return [hash(facts), length, facts, ...formsOf(artifact.cores)];
}

type KeptCore = Omit<ArtifactCore, 'code' | 'cardsCode'> & {
  readonly lengths: readonly [number, number | undefined];
};

/** One after the other: together they are as large as the module, and more. */
function writeParts(path: string, parts: readonly Uint8Array[]): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (const part of parts) writeFileSync(file, part);
  } finally {
    closeSync(file);
  }
}

/** @throws where it is not what was written, and the file system's own error */
function readArtifact(path: string): Artifact {
  const file = openSync(path, 'r');
  try {
    let left = fstatSync(file).size;
    return decode((length, allocate = (bytes) => new Uint8Array(bytes)) => {
      left -= length;
      // A length that was damaged may be any.
      if (left < 0) throw new RangeError('it is too short');
      return readPart(file, allocate(length));
    });
  } finally {
    closeSync(file);
  }
}

/** The next bytes, in memory of their own: they are handed to other threads. */
function readPart(file: number, part: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let at = 0; at < part.length; ) {
    const count = readSync(file, part, at, part.length - at, null);
    if (count === 0) throw new RangeError('it is too short');
    at += count;
  }
  return part;
}

type Allocate = (bytes: number) => Uint8Array<ArrayBuffer>;
type TakePart = (length: number, allocate?: Allocate) => Uint8Array<ArrayBuffer>;

/** @throws where it is not what was written */
function decode(take: TakePart): Artifact {
  const factsHash = take(hashBytes);
  const facts = take(Buffer.from(take(4).buffer).readUInt32LE());
  if (!hash(facts).equals(factsHash)) throw new TypeError('it is damaged');
  const { cores, ...rest } = deserialize(facts) as Omit<Artifact, 'cores'> & {
    readonly cores: readonly KeptCore[];
  };
  const hashes = rest.formHashes.values();
  const takeForm = (length: number): Uint8Array<ArrayBuffer> => {
    const form = take(length, allocateForm);
    if (hash(form).toString('hex') === hashes.next().value) return form;
    throw new TypeError('it is damaged');
  };
  const made = cores.map(({ lengths: [plain, cards], engine, ...core }) => ({
    ...core,
    code: takeForm(plain),
    cardsCode: cards === undefined ? undefined : takeForm(cards),
    engine: {
      metered: mapRuns(engine.metered, shareRuns),
      cards: engine.cards && mapRuns(engine.cards, shareRuns),
    },
  }));
  return { ...rest, cores: made };
}

function mapRuns(form: FormFacts, map: (runs: Uint8Array) => Uint8Array): FormFacts {
  return { ...form, offsets: { ...form.offsets, runs: map(form.offsets.runs) } };
}

/** In memory that all threads share, as the rewriting leaves them. */
function shareRuns(runs: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(runs.length));
  shared.set(runs);
  return shared;
}
