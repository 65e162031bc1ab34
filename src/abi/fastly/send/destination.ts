/** Where an answer came from. */
import { absent } from '../declare.ts';

export const destinationHostcalls = [
  absent('get_addr_dest_ip', '#sending', [
    ['h', 'handle'],
    ['addr_octets_out', 'address'],
    ['num_bytes', 'out_number'],
  ]),
  absent('get_addr_dest_port', '#sending', [
    ['h', 'handle'],
    ['port', 'out_number16'],
  ]),
];
