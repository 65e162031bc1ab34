/**
 * What ten thousand guests hold that wait, by ABI. In processes of their own, because what they
 * leave behind would burden the others. Touches other processes.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Row } from './report.ts';
import { waitingGuests } from './waiting-guests.ts';

const program = fileURLToPath(new URL('./waiting.ts', import.meta.url));
const countText = '10000';
const mibMax = 200;

export function measureWaitingGuests(): readonly Row[] {
  return [...waitingGuests.keys()].map((abi) => ({
    name: `10,000 waiting guests of one page: ${abi}`,
    value: measureWaiting(abi),
    unit: 'MiB',
    goal: { atMost: mibMax },
  }));
}

/** In MiB, in a calm time. @param abi One of `waitingGuests`. */
export function measureWaiting(abi: string): number {
  const args = [program, '--count', countText, '--abi', abi];
  const { waitingBytes } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  return waitingBytes / 1024 ** 2;
}
