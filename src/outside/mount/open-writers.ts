/**
 * Whether anybody has a file open for writing, by `node:ffi`: the kernel gives a lease for reading
 * only where nobody has (fcntl(2), F_SETLEASE). Whoever copies a file keeps it open until it is
 * whole, so this says sooner than waiting does that a copy is complete.
 *
 * Linux alone, and of files that are ours, or for root; network file systems say nothing.
 */

const signatures = {
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
} as const;

/** Linux's numbers. */
const setSignal = 10;
const setLease = 1_024;
const forReading = 0;
const noLease = 2;
/**
 * Mallory opens the file in the very moment that we hold the lease: we are told by a signal, and
 * the usual one, SIGIO, ends a process. This one, SIGURG, is ignored where nobody asks for it.
 */
const ignoredSignal = 23;

export class OpenWriters {
  readonly #fcntl: ReturnType<typeof openCalls>['fcntl'];

  private constructor({ fcntl }: ReturnType<typeof openCalls>) {
    this.#fcntl = fcntl;
  }

  /** Undefined where the system cannot be asked. */
  static open(): OpenWriters | undefined {
    // Elsewhere the numbers are others, and so is how `fcntl` passes its arguments.
    if (process.platform !== 'linux') return undefined;
    try {
      return new OpenWriters(openCalls());
    } catch {
      // Built or started without FFI, or not allowed to use it: then files are waited for.
      return undefined;
    }
  }

  /**
   * Whether it is known that nobody has the file of `descriptor`, which is open for reading alone,
   * open for writing. Takes microseconds and never waits.
   */
  knowsClosed(descriptor: number): boolean {
    if (this.#fcntl(descriptor, setSignal, ignoredSignal) !== 0) return false;
    if (this.#fcntl(descriptor, setLease, forReading) !== 0) return false;
    this.#fcntl(descriptor, setLease, noLease);
    return true;
  }
}

function openCalls() {
  return process.getBuiltinModule('node:ffi').dlopen(null, signatures).functions;
}
