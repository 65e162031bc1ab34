/** Time of day, and time to wait by. */
import type { CapabilityDefinition } from '../definition.ts';
import { systemClock, systemTimer } from './clock.ts';
import type { Clock, Timer } from './contract.ts';

export const clockCapability: CapabilityDefinition<Clock, Clock> = {
  openThread: () => systemClock,
  lend: (clock) => clock,
};

export const timerCapability: CapabilityDefinition<Timer, Timer> = {
  openThread: () => systemTimer,
  lend: (timer) => timer,
};
