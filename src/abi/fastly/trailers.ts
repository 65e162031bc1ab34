/** Fields behind a body. */
import type { Header } from '../../http/message.ts';
import { answering, listRoom, room, text } from './declare.ts';
import type { FastlyGuest } from './guest.ts';
import { readBytesMax, readName } from './message-headers.ts';
import { FastlyFault, status } from './status.ts';

export const trailerHostcalls = [
  answering({
    name: 'trailer_append',
    params: [['h', 'handle'], ...text('name'), ...text('value')],
    spec: '#trailers',
    act: (guest, handle, namePtr, nameLen, ptr, len) => {
      const body = guest.run.bodies.get(handle);
      const name = readName(guest, namePtr, nameLen);
      body.addTrailer(name, guest.readLatin1(ptr, len, readBytesMax(guest)));
    },
  }),

  answering({
    name: 'trailer_names_get',
    params: [['h', 'handle'], ...listRoom],
    spec: '#trailers',
    meaning: '`again` until the body was read to its end',
    act: (guest, handle, ptr, len, cursor, next, written) => {
      const names = new Set(readTrailers(guest, handle).map(([name]) => name.toLowerCase()));
      return guest.giveValues({ ptr, len, cursor, next, written }, [...names]);
    },
  }),

  answering({
    name: 'trailer_value_get',
    params: [['h', 'handle'], ...text('name'), ...room('value')],
    spec: '#trailers',
    meaning: 'the first value; `inval` where there is none',
    act: (guest, handle, namePtr, nameLen, ptr, len, written) => {
      const [first] = valuesOf(guest, handle, readName(guest, namePtr, nameLen));
      return first === undefined ? status.inval : guest.give({ ptr, len, written }, first);
    },
  }),

  answering({
    name: 'trailer_values_get',
    params: [['h', 'handle'], ...text('name'), ...listRoom],
    spec: '#trailers',
    act: (guest, handle, namePtr, nameLen, ptr, len, cursor, next, written) => {
      const values = valuesOf(guest, handle, readName(guest, namePtr, nameLen));
      return guest.giveValues({ ptr, len, cursor, next, written }, values);
    },
  }),
];

function valuesOf(guest: FastlyGuest, handle: number, wanted: string): readonly string[] {
  const lowerName = wanted.toLowerCase();
  const found = readTrailers(guest, handle).filter(([name]) => name.toLowerCase() === lowerName);
  return found.map(([, value]) => value);
}

/** @throws FastlyFault `again` before the end of the body, `inval` of one that is being sent */
function readTrailers(guest: FastlyGuest, handle: number): readonly Header[] {
  const body = guest.run.bodies.get(handle);
  if (body.isStreaming) throw new FastlyFault('inval');
  const { trailers } = body;
  if (trailers === undefined) throw new FastlyFault('again');
  return trailers;
}
