/** Error numbers of WASI preview1, its type `errno`: what a hostcall answers with. */

export const errno = {
  success: 0,
  toobig: 1,
  acces: 2,
  again: 6,
  badf: 8,
  busy: 10,
  exist: 20,
  fault: 21,
  fbig: 22,
  ilseq: 25,
  intr: 27,
  inval: 28,
  io: 29,
  isdir: 31,
  loop: 32,
  mfile: 33,
  mlink: 34,
  nametoolong: 37,
  noent: 44,
  nospc: 51,
  nosys: 52,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  overflow: 61,
  perm: 63,
  pipe: 64,
  rofs: 69,
  spipe: 70,
  xdev: 75,
  notcapable: 76,
} as const;

export type ErrnoName = keyof typeof errno;

export const errnoNames: ReadonlyMap<number, string> = new Map(
  Object.entries(errno).map(([name, number]) => [number, name]),
);

/**
 * A guest's mistake or bad luck: the hostcall answers `errno`, the run goes on. Without a stack: C
 * libraries ask until they are told no, and walking the guest's frames costs more than the answer.
 */
export class WasiError extends Error {
  override readonly name = 'WasiError';
  readonly errno: number;

  constructor(name: ErrnoName) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`errno ${name}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.errno = errno[name];
  }
}
