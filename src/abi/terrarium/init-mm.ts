/** The hostcall by which a guest names its allocator. */
import { hostcall } from './declare.ts';

export const initMm = [
  hostcall({
    name: 'hostcall_init_mm',
    params: [
      ['malloc', 'index'],
      ['free', 'index'],
    ],
    results: [],
    waits: false,
    meaning: 'where malloc and free are in the function table, for guests that do not export them',
    spec: '',
    /** The host never frees. */
    call: (guest) => (mallocIndex, _freeIndex) => {
      const isInstantiating = guest.currentRun === undefined;
      guest.allocator.register(mallocIndex, { isInstantiating });
    },
  }),
];
