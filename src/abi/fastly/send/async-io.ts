/** What a guest waits for, of whichever kind. */
import { handles, unsupported } from '../declare.ts';

export const asyncIoHostcalls = [
  unsupported('select', '#waiting', [
    ...handles('hs'),
    ['timeout_ms', 'number'],
    ['ready_idx', 'out_number'],
  ]),
  unsupported('is_ready', '#waiting', [
    ['handle', 'handle'],
    ['is_done', 'out_number'],
  ]),
];
