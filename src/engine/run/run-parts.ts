/** What all runs of a thread share. */
import type { EarlyAsker } from '../../abi/early.ts';
import type { Limits } from '../../config/config.ts';
import type { LimitClock } from '../../limit-clock.ts';
import type { Admission } from '../supply/admission.ts';
import type { IdleGuests } from '../supply/idle-guests.ts';
import type { Making } from '../supply/making.ts';
import type { ProgramHost } from '../supply/program-host.ts';
import type { ProgramParts } from '../supply/program-parts.ts';
import type { Bodies } from './bodies.ts';
import type { BytesParts } from './bytes.ts';
import type { Endable, RunsUnderWay } from './under-way.ts';
import type { WallLimit } from './wall-limit.ts';

export interface RunPartsOf<Run extends Endable<Run>> extends ProgramParts, BytesParts {
  readonly limits: Limits;
  readonly admission: Admission;
  readonly bodies: Bodies;
  readonly clock: LimitClock;
  /** Of runs without a limit of their own. */
  readonly wall: WallLimit;
  readonly underWay: RunsUnderWay<Run>;
  /** Those of WebSocket connections, which nobody waits for. */
  readonly conversing: RunsUnderWay<Run>;
  readonly idle: IdleGuests;
  readonly making: Making;
  /** See `Programs.suiting`. */
  readonly suiting: (program: ProgramHost, asker: EarlyAsker) => ProgramHost;
}
