/** One run of a program of the suite: it has a command line's streams, and a folder in memory. */
import { randomFillSync } from 'node:crypto';
import type { Exchange, Run, RunEnd } from '../../../src/abi/abi.ts';
import type { ComponentGuest, WorldRun } from '../../../src/abi/component/guest.ts';
import type { Variant } from '../../../src/abi/component/results.ts';
import type { ByteSink, ByteSource } from '../../../src/abi/component/streams.ts';
import type { OpenFile } from '../../../src/abi/objects/files/node.ts';
import type { Preopen } from '../../../src/abi/objects/files/preopens.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';
import { PendingSet } from '../../../src/abi/objects/pending.ts';
import type { Capabilities } from '../../../src/capability/capability.ts';
import { systemClock, systemTimer } from '../../../src/capability/clock/clock.ts';
import type { Limits } from '../../../src/config/config.ts';

const roomBytes = 64 * 1024;

/** Wakes whoever waits, each time that something came. */
class News {
  #next = Promise.withResolvers<void>();

  wait(): Promise<void> {
    return this.#next.promise;
  }

  tell(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }
}

/** Standard input, which the script writes. */
export class TypedInput implements ByteSource {
  readonly #news = new News();
  readonly #pieces: Uint8Array[] = [];
  #isOver = false;

  write(text: string): void {
    this.#pieces.push(Buffer.from(text));
    this.#news.tell();
  }

  end(): void {
    this.#isOver = true;
    this.#news.tell();
  }

  get isReady(): boolean {
    return this.#isOver || this.#pieces.length > 0;
  }

  async whenReady(): Promise<void> {
    while (!this.isReady) await this.#news.wait();
  }

  take(bytesMax: number): Uint8Array | undefined {
    const piece = this.#pieces.shift();
    if (piece === undefined) return this.#isOver ? new Uint8Array(0) : undefined;
    if (piece.length > bytesMax) this.#pieces.unshift(piece.subarray(bytesMax));
    return piece.subarray(0, bytesMax);
  }
}

/** An output, which the script reads. */
export class ReadOutput implements ByteSink {
  readonly room = roomBytes;
  readonly #news = new News();
  #text = '';
  #isOver = false;

  whenReady(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Uint8Array): void {
    this.#text += Buffer.from(bytes).toString();
    this.#news.tell();
  }

  flush(): void {
    // It is there.
  }

  end(): void {
    this.#isOver = true;
    this.#news.tell();
  }

  /** What was not read yet. */
  get rest(): string {
    return this.#text;
  }

  /** The next `length` characters, or what there was when the program ended. */
  async read(length: number): Promise<string> {
    while (this.#text.length < length && !this.#isOver) await this.#news.wait();
    const text = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return text;
  }
}

/** What the script says of a run, and what it sees of it. */
export interface Command {
  readonly arguments: readonly string[];
  readonly environment: readonly (readonly [string, string])[];
  readonly directories: readonly Preopen[];
  readonly stdin: TypedInput;
  readonly stdout: ReadOutput;
  readonly stderr: ReadOutput;
  /** Set when it is over. */
  end: RunEnd | undefined;
}

export class SuiteRun implements WorldRun {
  readonly capabilities: Capabilities;
  readonly limits: Limits;
  readonly held: HeldForRun;
  readonly pending = new PendingSet();
  readonly exchange: Exchange;
  readonly #command: Command;

  constructor(run: Run, limits: Limits, command: Command) {
    const real = {
      clock: { value: systemClock },
      timer: { value: systemTimer },
      fillRandom: { value: (target: Uint8Array) => randomFillSync(target) },
    };
    this.capabilities = Object.create(run.capabilities, real) as Capabilities;
    this.limits = limits;
    this.held = new HeldForRun(run.hostMemory, limits.memoryBytesMax);
    this.exchange = run.exchange;
    this.#command = command;
  }

  get environment(): Command['environment'] {
    return this.#command.environment;
  }

  get arguments(): readonly string[] {
    return this.#command.arguments;
  }

  get stdin(): ByteSource {
    return this.#command.stdin;
  }

  get stdout(): ByteSink {
    return this.#command.stdout;
  }

  get stderr(): ByteSink {
    return this.#command.stderr;
  }

  prepareEnvironment(): undefined {
    return undefined;
  }

  openDirectories(): readonly Preopen[] {
    return this.#command.directories;
  }

  closeFile(file: OpenFile): void {
    void file.close();
  }

  parameters(): readonly unknown[] {
    return [];
  }

  answer(_guest: ComponentGuest, { tag }: Variant): number | undefined {
    return tag === 1 ? 1 : undefined;
  }

  beforeWait(): void {
    // All that was written is there.
  }

  finish(end: RunEnd): void {
    this.#command.end = end;
  }

  release(): void {
    this.pending.giveUpAll();
    this.held.close();
  }
}
