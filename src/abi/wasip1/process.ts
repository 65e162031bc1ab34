/**
 * What one run of a program has: arguments, environment, open descriptors, clocks. Knows nothing of
 * HTTP: the same program runs under CGI and under the conformance suite.
 */
import type { Capabilities } from '../../capability/capability.ts';
import type { InputStream, OutputStream } from '../objects/cgi/streams.ts';
import { OpenFiles } from '../objects/files/open-files.ts';
import type { Preopen } from '../objects/files/preopens.ts';
import type { FileKeeper } from '../objects/files/site-tree.ts';
import { StringBlock } from '../objects/string-block.ts';
import { type Descriptor, DescriptorTable, PreopenDescriptor } from './descriptors.ts';
import { streamReadRights, streamWriteRights } from './layout.ts';

export interface ProcessOptions {
  /** One character a byte, without NUL; called at most once. */
  readonly listArguments: () => readonly string[];
  /** `NAME=value`, one character a byte, without NUL; called at most once. */
  readonly listEnvironment: () => readonly string[] | StringBlock;
  /** What the environment waits for; undefined when there is nothing. */
  readonly prepareEnvironment?: () => Promise<void> | undefined;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Of the three streams; left out: none is set. */
  readonly streamFlags?: readonly number[] | undefined;
  /** Descriptors 3 and up; called at most once, when the first of them is asked for. */
  readonly openPreopens: (keeper: FileKeeper) => readonly Preopen[];
  readonly capabilities: Pick<Capabilities, 'clock' | 'timer' | 'fillRandom'> &
    Partial<Pick<Capabilities, 'fetch'>>;
  readonly descriptorsMax: number;
}

/** How long the beginning of an answer is held back while the program waits. */
const holdNs = 20_000_000n;
const nothingToDo = (): void => undefined;
const noFlags: readonly undefined[] = [];
const noCancels: readonly Cancelled[] = [];
/** Descriptors below this are the streams'. */
const streamCount = 3;

/** What ends with the run. */
export interface Cancelled {
  cancel(): void;
}

/** Until the run is over. An object, as ten thousand programs may sleep. */
export class Sleep implements Cancelled {
  readonly #process: WasiProcess;
  readonly #stop: () => void;

  constructor(process: WasiProcess, delayNs: bigint, onDue: () => void) {
    this.#process = process;
    this.#stop = process.capabilities.timer.start(delayNs, onDue);
    process.cancelAtEnd(this);
  }

  cancel(): void {
    this.#process.forget(this);
    this.#stop();
  }
}

export class WasiProcess {
  readonly capabilities: ProcessOptions['capabilities'];
  readonly #options: ProcessOptions;
  /** Made when the first of them is asked for: a program that only sleeps has none. */
  #descriptors: DescriptorTable | undefined;
  /** When it first looked at its clock: most programs never do. */
  #startedNs: bigint | undefined;
  /** Made with the directories that they are in. */
  #files: OpenFiles | undefined;
  #cancels = noCancels;
  #arguments: StringBlock | undefined;
  #environment: StringBlock | undefined;
  /** For how much more waiting the beginning of the answer is held back. */
  #holdLeftNs = holdNs;
  /** Since the program first asked in vain for input that it would not wait for. */
  #retryingSinceNs: bigint | undefined;
  #hasPreopens = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.capabilities = options.capabilities;
  }

  get stdin(): InputStream {
    return this.#options.stdin;
  }

  get stdout(): OutputStream {
    return this.#options.stdout;
  }

  get stderr(): OutputStream {
    return this.#options.stderr;
  }

  /** Flags of the three streams. */
  get streamFlags(): readonly number[] {
    return [0, 1, 2].map((fd) => this.#streams().get(fd).flags);
  }

  get arguments(): StringBlock {
    this.#arguments ??= StringBlock.of(this.#options.listArguments());
    return this.#arguments;
  }

  prepareEnvironment(): Promise<void> | undefined {
    return this.#environment === undefined ? this.#options.prepareEnvironment?.() : undefined;
  }

  /** Once it is prepared. */
  get environment(): StringBlock {
    this.#environment ??= this.#layOutEnvironment();
    return this.#environment;
  }

  /** All of them: the preopened directories are there from the first look on. */
  get descriptors(): DescriptorTable {
    const table = this.#streams();
    if (!this.#hasPreopens) this.#addPreopens(table);
    return table;
  }

  /**
   * The descriptor of `fd`; for a stream without making the directories.
   *
   * @throws `badf`
   */
  descriptor(fd: number): Descriptor {
    return fd >>> 0 < streamCount ? this.#streams().get(fd) : this.descriptors.get(fd);
  }

  /** Nanoseconds of the monotonic clock: since the run first asked for them, never 0. */
  monotonicNs(): bigint {
    const nowNs = this.capabilities.timer.nowNs();
    this.#startedNs ??= nowNs;
    return monotonicStartNs + nowNs - this.#startedNs;
  }

  /** Calls `onDue` after `delayNs`; never when it is cancelled, or the run is over, before. */
  sleep(delayNs: bigint, onDue: () => void): Sleep {
    return new Sleep(this, delayNs, onDue);
  }

  /**
   * The program is about to wait; call the result when it goes on. What it has written leaves now,
   * or after a moment where nothing of the answer has left yet: a runtime that panics waits a
   * little first, and the answer to that should be the failure, not half of what was to come.
   * Only waiting counts, and a sleep for no longer than `askedNs`: on a busy machine the program's
   * own steps and late timers take longer than that moment.
   */
  beginWait(askedNs?: bigint): () => void {
    if (this.stdout.mayHold !== true || this.#holdLeftNs <= 0n) return this.#flush();
    const startNs = this.monotonicNs();
    let isWaiting = true;
    const hold = this.sleep(this.#holdLeftNs, () => {
      if (isWaiting) this.#flush();
    });
    return () => {
      if (!isWaiting) return;
      isWaiting = false;
      hold.cancel();
      const waitedNs = this.monotonicNs() - startNs;
      this.#holdLeftNs -= askedNs !== undefined && askedNs < waitedNs ? askedNs : waitedNs;
    };
  }

  /**
   * The program was told to try again later. One that does so in a loop waits as well, without
   * saying for how long: here all the time since the first try counts.
   */
  noteRetry(): void {
    const nowNs = this.monotonicNs();
    this.#retryingSinceNs ??= nowNs;
    const isHeld = this.stdout.mayHold === true && nowNs - this.#retryingSinceNs < holdNs;
    if (!isHeld) this.#flush();
  }

  /** Cancels it when the run is over, unless it is forgotten before. A program has one or two. */
  cancelAtEnd(each: Cancelled): void {
    this.#cancels = this.#cancels.concat(each);
  }

  forget(each: Cancelled): void {
    this.#cancels = this.#cancels.filter((other) => other !== each);
  }

  /** The run is over: nothing of it stays open. Never throws. */
  release(): void {
    for (const each of this.#cancels) each.cancel();
    this.#files?.release();
  }

  #layOutEnvironment(): StringBlock {
    const listed = this.#options.listEnvironment();
    return listed instanceof StringBlock ? listed : StringBlock.of(listed);
  }

  #flush(): () => void {
    this.stdout.flush();
    return nothingToDo;
  }

  /** The table as it is, with the streams at least. */
  #streams(): DescriptorTable {
    this.#descriptors ??= this.#openStreams();
    return this.#descriptors;
  }

  #openStreams(): DescriptorTable {
    const [stdin, stdout, stderr] = this.#options.streamFlags ?? noFlags;
    return new DescriptorTable(this.#options.descriptorsMax, [
      inputOf(this.stdin, stdin),
      outputOf(this.stdout, stdout),
      outputOf(this.stderr, stderr),
    ]);
  }

  #addPreopens(table: DescriptorTable): void {
    this.#hasPreopens = true;
    this.#files = new OpenFiles(this.#options.descriptorsMax);
    for (const preopen of this.#options.openPreopens(this.#files)) {
      table.add(new PreopenDescriptor(preopen));
    }
  }
}

function inputOf(stream: InputStream, flags = 0): Descriptor {
  return {
    kind: 'input',
    flags,
    rightsBase: streamReadRights,
    rightsInheriting: 0n,
    stream,
  };
}

function outputOf(stream: OutputStream, flags = 0): Descriptor {
  return {
    kind: 'output',
    flags,
    rightsBase: streamWriteRights,
    rightsInheriting: 0n,
    stream,
  };
}

/** Go ends itself when its first look at this clock says 0. */
const monotonicStartNs = 1_000_000_000n;
