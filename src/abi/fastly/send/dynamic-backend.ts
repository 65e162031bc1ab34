/** Back-ends that a guest adds for itself. */
import { text, unsupported } from '../declare.ts';

export const dynamicBackendHostcalls = [
  unsupported('register_dynamic_backend', '#back-ends', [
    ...text('name_prefix'),
    ...text('target'),
    ['mask', 'flags'],
    ['cfg', 'address'],
  ]),
];
