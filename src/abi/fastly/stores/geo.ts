/** Where an address is. */
import { absent, bytes, room } from '../declare.ts';

export const geoHostcalls = [
  absent('lookup', '#places-and-devices', [...bytes('addr_octets', 'addr_len'), ...room('buf')]),
];
