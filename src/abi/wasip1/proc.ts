/** `proc` and `sched`: a program's end, and its turn. */

import { WasiError } from '../objects/files/errno.ts';
import { answering, hostcall } from './declare.ts';

export const procHostcalls = [
  hostcall({
    name: 'proc_exit',
    params: [['code', 'number']],
    results: [],
    waits: false,
    meaning: 'ends the program; 0 is a good end',
    spec: '#proc_exit',
    call: (guest) => (exitCode) => guest.exit(exitCode >>> 0),
  }),

  /** There is nobody to send a signal to. */
  answering({
    name: 'proc_raise',
    params: [['sig', 'number']],
    meaning: 'answers `nosys`',
    act: (_guest, _signal) => {
      throw new WasiError('nosys');
    },
  }),

  /** The engine gives others their turn by itself; there is nothing to wait for. */
  answering({
    name: 'sched_yield',
    params: [],
    meaning: '',
    act: () => undefined,
  }),
];
