/** What the run has used so far, and which of the vendor's products there are: none. */
import { answering } from './declare.ts';

const mib = 1024 * 1024;

export const runtimeHostcalls = [
  answering({
    name: 'get_vcpu_ms',
    params: [['vcpu_ms', 'out_number64']],
    spec: '#what-a-run-has-used',
    meaning: 'CPU time',
    act: (guest, ptr) => guest.writeU64(ptr, BigInt(Math.floor(guest.cpuMs))),
  }),

  answering({
    name: 'get_heap_mib',
    params: [['memory_mib', 'out_number']],
    spec: '#what-a-run-has-used',
    meaning: 'linear memory, rounded up',
    act: (guest, ptr) => guest.writeU32(ptr, Math.ceil(guest.memoryBytes / mib)),
  }),

  ...['has_domain_inspector', 'has_image_optimizer', 'has_origin_inspector'].map((name) =>
    answering({
      name,
      params: [['has_it', 'out_number']],
      spec: '#elsewhere',
      meaning: 'gives 0',
      act: (guest, ptr) => guest.writeU32(ptr, 0),
    }),
  ),
];
