/** Objects thrown out of the cache by what they are about. */
import { text, unsupported } from '../declare.ts';

export const purgeHostcalls = [
  unsupported('purge_surrogate_key', '#purging', [
    ...text('surrogate_key'),
    ['mask', 'flags'],
    ['opts', 'address'],
  ]),
];
