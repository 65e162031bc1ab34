/**
 * Servers that others are compared with, and that take a processor's time though nobody asks them:
 * those that run guests in Wasmtime may have a thread that wakes up twenty thousand times a second
 * to count their time. Stopped while others are measured, it takes nothing from them. Touches other
 * processes.
 */
import type { ChildProcess } from 'node:child_process';

export class Sleeper {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** From now on it runs while it is measured, and not else. */
  sleep(): void {
    this.#child.kill('SIGSTOP');
  }

  /** What `measure` gives, with the server awake as long as that takes. */
  async whileAwake<T>(measure: () => Promise<T>): Promise<T> {
    this.#child.kill('SIGCONT');
    try {
      return await measure();
    } finally {
      this.sleep();
    }
  }
}
