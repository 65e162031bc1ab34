/** All attacks, a file of `rows/` each. */
import type { Attack } from './attack.ts';
import { cpuHog } from './rows/cpu-hog.ts';
import { http2Frames } from './rows/http2-frames.ts';
import { http2Headers } from './rows/http2-headers.ts';
import { logFlood } from './rows/log-flood.ts';
import { pathFlood } from './rows/path-flood.ts';

export const attacks: readonly Attack[] = [cpuHog, http2Frames, http2Headers, logFlood, pathFlood];
