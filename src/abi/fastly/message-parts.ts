/** What requests and responses have in common besides their fields. */
import type { DeclaredHostcall } from '../hostcall.ts';
import type { Framing, MessageVersion } from '../objects/messages.ts';
import { answering } from './declare.ts';
import type { FastlyGuest } from './guest.ts';
import { FastlyFault, status } from './status.ts';

/** In the order of their numbers. */
const versions: readonly MessageVersion[] = ['0.9', '1.0', '1.1', '2', '3'];
const framings: readonly Framing[] = ['automatic', 'by-headers'];

/** @throws HandleError */
type FindMessage = (guest: FastlyGuest, handle: number) => { version: MessageVersion };

export function versionHostcalls(find: FindMessage): readonly DeclaredHostcall<FastlyGuest>[] {
  return [
    answering({
      name: 'version_get',
      params: [
        ['h', 'handle'],
        ['http_version', 'out_number'],
      ],
      spec: '#versions',
      meaning: '0 to 4: HTTP/0.9, 1.0, 1.1, 2, 3',
      act: (guest, handle, ptr) => {
        guest.writeU32(ptr, versions.indexOf(find(guest, handle).version));
      },
    }),

    answering({
      name: 'version_set',
      params: [
        ['h', 'handle'],
        ['version', 'number'],
      ],
      spec: '#versions',
      meaning: 'what is sent has the version of its connection',
      act: (guest, handle, number) => {
        const message = find(guest, handle);
        const version = versions[number >>> 0];
        if (version === undefined) return status.inval;
        message.version = version;
        return status.ok;
      },
    }),
  ];
}

/** @throws FastlyFault `inval` */
export function readFraming(mode: number): Framing {
  const framing = framings[mode >>> 0];
  if (framing === undefined) throw new FastlyFault('inval');
  return framing;
}
