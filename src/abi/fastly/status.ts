/** What a hostcall of this ABI answers: its numbers, and how a function gives one up. */
import type { Steps } from '../steps.ts';

export const status = {
  ok: 0,
  error: 1,
  inval: 2,
  badf: 3,
  buflen: 4,
  unsupported: 5,
  badalign: 6,
  httpinvalid: 7,
  httpuser: 8,
  httpincomplete: 9,
  none: 10,
  httpheadtoolarge: 11,
  httpinvalidstatus: 12,
  limitexceeded: 13,
  again: 14,
} as const;

export type StatusName = keyof typeof status;
export type Status = (typeof status)[StatusName];

/** Nothing is `ok`. */
// biome-ignore lint/suspicious/noConfusingVoidType: most hostcalls have nothing to return.
export type Given = Status | void;
/** What a hostcall that may wait gives: at once, in steps, or later. */
export type Later = Given | Steps<Given> | Promise<Given>;

export const statusNames: ReadonlyMap<number, string> = new Map(
  Object.entries(status).map(([name, number]) => [number, name]),
);

/**
 * The hostcall answers `status`, the run goes on. For what guests seldom do: what they do in their
 * ordinary course, such as asking for a header that is not there, is returned.
 */
export class FastlyFault extends Error {
  override readonly name = 'FastlyFault';
  readonly status: Status;

  constructor(name: StatusName) {
    super(`status ${name}`);
    this.status = status[name];
  }
}
