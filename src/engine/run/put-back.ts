/** What becomes of a guest whose run ended well: it is put back, or given up. */
import type { Steps } from '../../abi/steps.ts';
import { toErrorRecord } from '../../errors.ts';
import type { Guest } from '../guest.ts';
import type { IdleGuests } from '../supply/idle-guests.ts';
import type { MemoryStock } from '../supply/memories.ts';
import type { ProgramHost } from '../supply/program-host.ts';
import { follow } from '../turn/follow.ts';
import type { Course } from './course.ts';

/** Where it goes. */
export interface Resting {
  readonly idle: IdleGuests;
  readonly stock: Pick<MemoryStock, 'allowsIdle'>;
}

export interface Served {
  readonly guest: Guest;
  readonly program: ProgramHost;
  readonly course: Course;
  /** Whose visitors the run was for. */
  readonly site: string;
}

/**
 * The run does nothing more with its guest, which `isClean` where it can be put back. Undefined
 * where that is done: a large memory is put back in pieces. Never throws or rejects.
 */
export function rest(served: Served, parts: Resting, isClean: boolean): Promise<void> | undefined {
  const { course, guest } = served;
  const { activation } = course;
  const { instance } = guest;
  let canRest = isClean;
  try {
    instance.binding.release();
  } catch (failure) {
    // It never throws. If it does, nothing of the guest is anybody's any more, and it is told.
    course.error = toErrorRecord(failure);
    canRest = false;
  }
  instance.detach();
  // Stacks that are left would go on in an instance that serves somebody else.
  const isAlone = !activation.endOthers();
  if (canRest && isAlone && !activation.hasGrownTable) return putBack(served, parts);
  guest.discard();
  return undefined;
}

/** Never throws or rejects. */
function putBack(served: Served, { idle, stock }: Resting): Promise<void> | undefined {
  const { guest, program, site } = served;
  const { activation } = served.course;
  program.fuel = activation.gauge.firstOfNext;
  program.tellsEnd = guest.isStarted && guest.instance.tellsEnd;
  const leftBytes = guest.instance.physicalBytes;
  if (!program.suits(guest, leftBytes) || !stock.allowsIdle) {
    guest.discard();
    return undefined;
  }
  guest.charge.set(program.bytesWith(leftBytes));
  const physicalBytes = guest.settle(leftBytes, site);
  program.rooms.raise(site, guest.room);
  // To make a guest takes a hundred times as long as most runs, and is no part of their own time.
  const isMeasuring = program.record.isMeasuring && !guest.isNew;
  const cpuUs = isMeasuring ? activation.cpuUsNow() : 0;
  const fuel = guest.fuelUsed(activation);
  try {
    const pages = guest.restore();
    program.learn(isMeasuring ? { cpuUs, fuel, pages, memoryBytes: physicalBytes } : undefined);
    const steps = guest.takeRest();
    if (steps !== undefined) return putBackRest(served, steps, idle);
    idle.put(program, guest, physicalBytes);
  } catch {
    // A state that could not be put back must not be seen by anybody: a new guest costs less.
    guest.discard();
  }
  return undefined;
}

/** On the run's turns, though its answer has left: the time is its owner's. */
async function putBackRest(
  { course: { activation }, guest, program }: Served,
  steps: Steps<void>,
  idle: IdleGuests,
): Promise<void> {
  activation.forgive();
  activation.renewBudget();
  try {
    if (activation.hasBorrowed) activation.leave();
    // One that had something to store after its end has let go of the thread by now.
    if (!activation.holdsThread) await activation.enter();
    await follow(activation, steps);
  } catch {
    guest.discard();
    return;
  }
  const bytes = guest.instance.physicalBytes;
  if (program.suits(guest, bytes)) idle.put(program, guest, bytes);
  else guest.discard();
}
