/** Edge: one open file, of which every operation has its turn and its time limit. */
import type { BigIntStats } from 'node:fs';
import { closeDescriptor, readDescriptor, statDescriptor } from './descriptors.ts';
import type { Operation } from './mount-guard.ts';

/** Runs one operation in its turn; see `GuardedFs.run`. */
export type RunOperation = <T>(operation: Operation<T>) => Promise<T>;

/** Made by `GuardedFs.open`. */
export class GuardedFile implements AsyncDisposable {
  readonly #run: RunOperation;
  readonly #descriptor: number;
  readonly #path: string;
  #isClosed = false;
  /** Operations that the system has not answered, those included that are past their limit. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(run: RunOperation, open: { readonly descriptor: number; readonly path: string }) {
    this.#run = run;
    this.#descriptor = open.descriptor;
    this.#path = open.path;
  }

  /** For asking the system about the open file itself, while it is open. */
  get fd(): number {
    if (this.#isClosed) throw new TypeError('Cannot use the file: it must be open');
    return this.#descriptor;
  }

  stat(): Promise<BigIntStats> {
    return this.#use('stat', statDescriptor);
  }

  /**
   * Fills `target` from `position`; resolves to the bytes read, 0 at the end of the file. After a
   * rejection `target` must not be used again: a late read may still write into it.
   */
  read(target: Uint8Array, position: number): Promise<number> {
    return this.#use('read', (fd) => readDescriptor(fd, target, position));
  }

  /**
   * Gives the file back. Waits no longer than the time limit: behind a read that hangs, closing
   * hangs too, and it then happens when the read returns. Never rejects: a file that was only read
   * has nothing to lose by a failed closing.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const closing = { name: 'close', path: this.#path, isPatient: true };
    const start = (): Promise<void> => this.#closeWhenIdle();
    // It failed, hangs or comes later: either way there is nothing left to do with the file.
    await this.#run({ ...closing, start }).catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #use<T>(name: string, act: (fd: number) => Promise<T>): Promise<T> {
    return this.#run({ name, path: this.#path, start: () => this.#act(act) });
  }

  async #act<T>(act: (fd: number) => Promise<T>): Promise<T> {
    const { fd } = this;
    this.#underWay += 1;
    try {
      return await act(fd);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  /** The descriptor is another file's soon after: nothing may still be read by it. */
  async #closeWhenIdle(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await closeDescriptor(this.#descriptor);
  }
}
