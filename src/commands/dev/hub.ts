/** Pages that are open under `terrafirma dev`: told what was not built, and when to come anew. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { EventStream } from '../../admin/event-stream.ts';

export interface Failure {
  readonly name: string;
  readonly reason: string;
  readonly output: string;
}

/** Windows and tabs of one person. */
const streamsMax = 64;
const outputCharsMax = 16 * 1024;

export class Hub {
  /** Pages of an earlier `dev` come anew: what they show may be old. */
  readonly #run = randomBytes(8).toString('hex');
  readonly #streams = new Set<EventStream>();
  readonly #failures = new Map<string, Failure>();

  /** False: there are too many. */
  open(response: ServerResponse): boolean {
    if (this.#streams.size >= streamsMax) return false;
    const stream = new EventStream(response);
    this.#streams.add(stream);
    stream.onClose(() => this.#streams.delete(stream));
    stream.send({ name: 'state', data: this.#state() });
    return true;
  }

  /** Undefined: it is built. */
  setFailure(name: string, failure: Omit<Failure, 'name'> | undefined): void {
    if (failure === undefined) this.#failures.delete(name);
    else {
      const { output, reason } = failure;
      // Escapes that colour a terminal mean nothing in a page.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they begin with
      const plain = output.replaceAll(/\u001b\[[0-9;]*m/g, '').slice(-outputCharsMax);
      this.#failures.set(name, { name, reason, output: plain });
    }
    this.#tell('state', this.#state());
  }

  reload(): void {
    this.#tell('reload', '{}');
  }

  close(): void {
    for (const stream of this.#streams) stream.end();
  }

  #state(): string {
    return JSON.stringify({ run: this.#run, failures: [...this.#failures.values()] });
  }

  #tell(name: string, data: string): void {
    for (const stream of this.#streams) stream.send({ name, data });
  }
}
