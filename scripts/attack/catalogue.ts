/** All attacks, a file of `rows/` each. */
import type { Attack } from './attack.ts';
import { cpuHog } from './rows/cpu-hog.ts';
import { logFlood } from './rows/log-flood.ts';

export const attacks: readonly Attack[] = [cpuHog, logFlood];
