/** The hostcall for random numbers. */
import { hostcall } from './declare.ts';

export const randomHostcalls = [
  hostcall({
    name: 'hostcall_rng_next_u64',
    params: [],
    results: [['bits', 'number64']],
    waits: false,
    meaning: 'cryptographic random bits',
    spec: '',
    call: (guest) => {
      const bytes = new Uint8Array(8);
      const view = new DataView(bytes.buffer);
      // A BigInt, because an i64 result that is a Number throws in the guest's call.
      return () => {
        guest.early.fillRandom(bytes);
        const value = view.getBigUint64(0, true);
        bytes.fill(0);
        return value;
      };
    },
  }),
];
