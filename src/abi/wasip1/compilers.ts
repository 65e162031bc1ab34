/** What Emscripten adds (`env`): that memory has grown, and where it keeps a second result. */
import { hostcall } from './declare.ts';

export const compilerHostcalls = [
  hostcall({
    name: 'emscripten_notify_memory_growth',
    params: [['memory', 'index']],
    results: [],
    waits: false,
    meaning: 'its memory has grown',
    spec: '',
    // It tells JavaScript that views are stale; ours never are.
    call: () => (_memoryIndex) => undefined,
  }),

  hostcall({
    name: 'getTempRet0',
    params: [],
    results: [['bits', 'number']],
    waits: false,
    meaning: 'the upper half of an i64 result, and what setjmp returns',
    spec: '',
    call: (guest) => () => guest.highBits,
  }),

  hostcall({
    name: 'setTempRet0',
    params: [['bits', 'number']],
    results: [],
    waits: false,
    meaning: 'sets it',
    spec: '',
    call: (guest) => (bits) => {
      guest.highBits = bits;
    },
  }),
];
