/** Where an answer came from. */
import type { ServerAddress } from '../../../capability/fetch/contract.ts';
import { answering } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { findResponse } from '../response.ts';
import { FastlyFault } from '../status.ts';

const octetsMax = 16;

export const destinationHostcalls = [
  answering({
    name: 'get_addr_dest_ip',
    params: [
      ['h', 'handle'],
      ['addr_octets_out', 'address'],
      ['num_bytes', 'out_number'],
    ],
    spec: '#sending',
    meaning: '4 or 16 bytes; `none` of an answer that came from no server',
    act: (guest, handle, ptr, written) => {
      const { octets } = serverOf(guest, handle);
      guest.requireRange(ptr, octetsMax);
      guest.requireRange(written, 4);
      guest.writeBytes(ptr, octets);
      guest.writeU32(written, octets.length);
    },
  }),

  answering({
    name: 'get_addr_dest_port',
    params: [
      ['h', 'handle'],
      ['port', 'out_number16'],
    ],
    spec: '#sending',
    act: (guest, handle, ptr) => guest.writeU16(ptr, serverOf(guest, handle).port),
  }),
];

/** @throws HandleError; FastlyFault `none` */
function serverOf(guest: FastlyGuest, handle: number): ServerAddress {
  const { server } = findResponse(guest, handle);
  if (server === undefined) throw new FastlyFault('none');
  return server;
}
