/**
 * The fields of requests and responses, which guests read and write by the same functions. Texts
 * have one character a byte, as they stand on the wire.
 */
import type { DeclaredHostcall } from '../hostcall.ts';
import type { HeaderMap } from '../objects/headers.ts';
import { answering, bytes, listRoom, room, text } from './declare.ts';
import type { FastlyGuest } from './guest.ts';
import { type Status, status } from './status.ts';

/** Longer names are no names (`inval`). */
const nameBytesMax = 65_535;

/** The fields of the message that a handle names. @throws HandleError */
export type FindHeaders = (guest: FastlyGuest, handle: number) => HeaderMap;

/** Its eight functions, as both modules have them. */
export function headerHostcalls(find: FindHeaders): readonly DeclaredHostcall<FastlyGuest>[] {
  return [...readers(find), ...writers(find)];
}

function readers(find: FindHeaders) {
  return [
    answering({
      name: 'header_names_get',
      params: [['h', 'handle'], ...listRoom],
      spec: '#fields',
      meaning: 'each name once, in lower case',
      act: (guest, handle, ptr, len, cursor, next, written) =>
        guest.giveValues({ ptr, len, cursor, next, written }, find(guest, handle).names()),
    }),

    answering({
      name: 'header_value_get',
      params: [['h', 'handle'], ...text('name'), ...room('value')],
      spec: '#fields',
      meaning: 'the first value; `inval` where there is none',
      act: (guest, handle, namePtr, nameLen, ptr, len, written) => {
        const headers = find(guest, handle);
        const [first] = headers.values(readName(guest, namePtr, nameLen));
        if (first === undefined) return status.inval;
        return guest.give({ ptr, len, written }, first);
      },
    }),

    answering({
      name: 'header_values_get',
      params: [['h', 'handle'], ...text('name'), ...listRoom],
      spec: '#fields',
      act: (guest, handle, namePtr, nameLen, ptr, len, cursor, next, written) => {
        const headers = find(guest, handle);
        const values = headers.values(readName(guest, namePtr, nameLen));
        return guest.giveValues({ ptr, len, cursor, next, written }, values);
      },
    }),
  ];
}

function writers(find: FindHeaders) {
  return [
    answering({
      name: 'header_values_set',
      params: [['h', 'handle'], ...text('name'), ...bytes('values')],
      spec: '#fields',
      meaning: 'replaces all; each value has a NUL behind it',
      act: (guest, handle, namePtr, nameLen, ptr, len) => {
        const headers = find(guest, handle);
        const name = readName(guest, namePtr, nameLen);
        const values = guest.readLatin1(ptr, len, readBytesMax(guest)).split('\0');
        if (values.at(-1) === '') values.pop();
        change(guest, headers, () => headers.set(name, values));
      },
    }),

    answering({
      name: 'header_insert',
      params: [['h', 'handle'], ...text('name'), ...text('value')],
      spec: '#fields',
      meaning: 'replaces all',
      act: (guest, handle, namePtr, nameLen, ptr, len) => {
        const headers = find(guest, handle);
        const name = readName(guest, namePtr, nameLen);
        const value = guest.readLatin1(ptr, len, readBytesMax(guest));
        change(guest, headers, () => headers.set(name, [value]));
      },
    }),

    answering({
      name: 'header_append',
      params: [['h', 'handle'], ...text('name'), ...text('value')],
      spec: '#fields',
      act: (guest, handle, namePtr, nameLen, ptr, len) => {
        const headers = find(guest, handle);
        const name = readName(guest, namePtr, nameLen);
        const value = guest.readLatin1(ptr, len, readBytesMax(guest));
        change(guest, headers, () => headers.append(name, value));
      },
    }),

    answering({
      name: 'header_remove',
      params: [['h', 'handle'], ...text('name')],
      spec: '#fields',
      meaning: '`inval` where there is none',
      act: (guest, handle, namePtr, nameLen): Status => {
        const headers = find(guest, handle);
        const name = readName(guest, namePtr, nameLen);
        const bytesBefore = headers.heldBytes;
        if (!headers.remove(name)) return status.inval;
        guest.run.held.release(bytesBefore - headers.heldBytes);
        return status.ok;
      },
    }),
  ];
}

export function readName(guest: FastlyGuest, ptr: number, len: number): string {
  return guest.readLatin1(ptr, len, nameBytesMax);
}

/** What a value may have that is looked at: more than fits is told by the limit of all fields. */
export function readBytesMax({ limits }: FastlyGuest): number {
  return limits.replyHeaderBytesMax + nameBytesMax;
}

/**
 * Fields are the run's memory, too: a guest may hold many messages.
 *
 * @throws ObjectError; nothing is changed then
 */
function change({ run }: FastlyGuest, headers: HeaderMap, act: () => void): void {
  const bytesBefore = headers.heldBytes;
  act();
  const more = headers.heldBytes - bytesBefore;
  if (more < 0) run.held.release(-more);
  else run.held.hold(more);
}
