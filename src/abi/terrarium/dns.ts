/**
 * Hostcalls that resolve names. The guest looks at the address only: 0 says it failed. The result
 * is a status that the known guests ignore: 0 went well, 1 did not.
 */
import { type Steps, wait } from '../steps.ts';
import { hostcall, outBytes } from './declare.ts';
import type { OutWords, TerrariumGuest } from './guest.ts';
import { HostcallFailure, Misuse } from './misuse.ts';

const ok = 0;
const invalid = 1;
/** RFC 1035, section 2.3.4, and one more for the dot at the end. */
const nameBytesMax = 256;
/** A DNS message over TCP has a length of 16 bits (RFC 1035, section 4.2.2). */
const messageBytesMax = 65_535;
const addressesMax = 256;

export const dnsHostcalls = [
  hostcall({
    name: 'hostcall_dns_query_raw',
    params: [...outBytes, ['query', 'bytes'], ['query_len', 'length']],
    results: [['status', 'status']],
    waits: true,
    meaning: 'a DNS message for a DNS message; pointer 0 when it failed',
    spec: '',
    call: (guest) => (ptr, len, queryPtr, queryLen) => {
      const out: OutWords = { ptr, len };
      guest.giveNothing(out);
      return guest.answerInSteps(invalid, function* () {
        const query = readQuery(guest, queryPtr, queryLen);
        const work = guest.run.capabilities.resolve.exchange(query);
        const message = yield* waitForAnswer(work);
        if (message.length > messageBytesMax) {
          throw new Misuse('Cannot give the answer: too long', `${message.length} bytes`);
        }
        yield* guest.giveBytes(out, message) ?? [];
        return ok;
      });
    },
  }),

  hostcall({
    name: 'hostcall_dns_query_ip',
    params: [
      ['out', 'out_addresses'],
      ['out_len', 'out_length'],
      ['name', 'text'],
      ['name_len', 'length'],
      ['is_ipv6', 'flag'],
    ],
    results: [['status', 'status']],
    waits: true,
    meaning: 'a list of addresses of 4 bytes, or of 16 for IPv6; pointer 0 when it failed',
    spec: '',
    // Of the family that was asked for alone: an address of another length would trap the guest.
    call: (guest) => (ptr, len, namePtr, nameLen, isIpv6) => {
      const out: OutWords = { ptr, len };
      guest.giveNothing(out);
      return guest.answerInSteps(invalid, function* () {
        const name = parseName(guest.readText(namePtr, nameLen, nameBytesMax));
        const family = isIpv6 === 0 ? 4 : 6;
        const work = guest.run.capabilities.resolve.addresses(name, family);
        const addresses = yield* waitForAnswer(work);
        const addressBytes = family === 4 ? 4 : 16;
        const fitting = addresses.filter(({ length }) => length === addressBytes);
        yield* guest.giveList(out, fitting.slice(0, addressesMax)) ?? [];
        return ok;
      });
    },
  }),
];

/** Letters of names as they are asked for; names in other scripts come in their ASCII form. */
function parseName(text: string): string {
  if (/^[\w.-]+$/.test(text)) return text;
  throw new Misuse('Cannot resolve: a name of letters, digits, hyphens and dots', text);
}

function readQuery(guest: TerrariumGuest, ptr: number, len: number): Uint8Array {
  guest.memory.requireRange(ptr, len);
  const length = len >>> 0;
  if (length > messageBytesMax) {
    throw new Misuse(`Cannot ask: a message of at most ${messageBytesMax}`, `${length} bytes`);
  }
  return guest.memory.readBytes(ptr, length, messageBytesMax);
}

function* waitForAnswer<T>(work: Promise<T>): Steps<T> {
  try {
    return yield* wait(work);
  } catch (error) {
    throw new HostcallFailure(error instanceof Error ? error.message : String(error));
  }
}
