/** Where the guest of a run comes from: those that rest, or a new one. */
import type { Guest } from '../guest.ts';
import type { IdleGuests } from '../supply/idle-guests.ts';
import type { Making } from '../supply/making.ts';
import type { ProgramHost } from '../supply/program-host.ts';
import type { Room } from '../supply/rooms.ts';
import type { Activation } from './activation.ts';
import type { Course } from './course.ts';

interface Stock {
  readonly idle: IdleGuests;
  readonly making: Making;
}

export interface Wanted {
  readonly program: ProgramHost;
  /** Whose visitors the run is for. */
  readonly site: string;
  /** What the guests of the site have. */
  readonly room: Room;
  /** A limit of the run's own: no other can be below what the module was judged by. */
  readonly memoryBytesMax: number | undefined;
}

/** One that rests; undefined where there is none. */
export function takeIdle(
  { idle }: Pick<Stock, 'idle'>,
  { program, site, room }: Wanted,
  activation: Activation,
): Guest | undefined {
  const guest = idle.take(program, site, room);
  guest?.serve(activation, program.record.isSampling);
  return guest;
}

/** One that is made, or has come to rest meanwhile. @throws what the run ended with meanwhile */
export function obtain(stock: Stock, wanted: Wanted, course: Course): Promise<Guest> {
  const { activation, capabilities, conversation } = course;
  const { program } = wanted;
  if (conversation !== undefined) return program.createForOnce(activation, capabilities);
  return stock.making.obtain(program, activation, {
    takeIdle: () => takeIdle(stock, wanted, activation),
    create: () => program.create(activation, capabilities),
  });
}

/**
 * Before it serves the run.
 *
 * @throws the trap where the guest begins with more memory than the run may have
 */
export function prepare(guest: Guest, wanted: Wanted, activation: Activation): void {
  const { memoryBytesMax, room } = wanted;
  if (memoryBytesMax !== undefined && !activation.quota.allowsStart(guest.instance.memoryBytes)) {
    throw activation.endByGuest({ kind: 'trapped', reason: 'it begins with more memory' });
  }
  guest.makeRoom(room);
}
