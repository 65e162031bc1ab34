/** What device a user agent names. */
import { absent, room, text } from '../declare.ts';

export const deviceHostcalls = [
  absent('lookup', '#places-and-devices', [...text('user_agent'), ...room('buf')]),
];
