/** Headers of both messages. There are no trailers here: none are found, and none can be set. */
import type { HeaderMap } from '../objects/headers.ts';
import { hostcall, text, textRoom } from './declare.ts';
import type { HandlerGuest } from './guest.ts';
import { requireChangeable, type Side } from './phases.ts';

const sides = ['request', 'response'] as const satisfies readonly Side[];
const kindsOfTrailers: ReadonlySet<number> = new Set([2, 3]);
const countLength = [['count_len', 'number64']] as const;

/** Undefined: trailers. Traps for what is no kind. */
function headersOf(guest: HandlerGuest, kind: number): HeaderMap | undefined {
  const side = sides[kind >>> 0];
  if (side !== undefined) return guest.run[side].headers;
  if (kindsOfTrailers.has(kind >>> 0)) return undefined;
  return guest.trap(`Cannot look at headers: their kind is 0 to 3: received ${kind >>> 0}`);
}

function change(
  guest: HandlerGuest,
  kind: number,
  { action, act }: { readonly action: string; readonly act: (headers: HeaderMap) => void },
): void {
  const headers = headersOf(guest, kind);
  const side = sides[kind >>> 0];
  if (headers === undefined || side === undefined) {
    guest.trap(`Cannot ${action} a trailer: received a host without that feature`);
  } else {
    requireChangeable(guest, side, `${action} a header`);
    guest.attempt(() => act(headers));
  }
}

function nameOf(guest: HandlerGuest, ptr: number, len: number): string {
  if (len === 0) guest.trap('Cannot look at a header: it must have a name: received none');
  return guest.readText(ptr, len);
}

export const headerHostcalls = [
  hostcall({
    name: 'get_header_names',
    params: [['kind', 'number'], ...textRoom],
    results: countLength,
    waits: false,
    meaning: 'in lower case, a NUL behind each',
    spec: '',
    call: (guest) => (kind, ptr, limit) =>
      guest.giveTexts(ptr, limit, headersOf(guest, kind)?.names() ?? []),
  }),
  hostcall({
    name: 'get_header_values',
    params: [['kind', 'number'], ...text('name'), ...textRoom],
    results: countLength,
    waits: false,
    meaning: 'a NUL behind each',
    spec: '',
    call: (guest) => (kind, name, nameLength, ptr, limit) => {
      const headers = headersOf(guest, kind);
      return guest.giveTexts(ptr, limit, headers?.values(nameOf(guest, name, nameLength)) ?? []);
    },
  }),
  hostcall({
    name: 'set_header_value',
    params: [['kind', 'number'], ...text('name'), ...text('value')],
    results: [],
    waits: false,
    meaning: 'in place of all that were there',
    spec: '',
    call: (guest) => (kind, name, nameLength, value, valueLength) => {
      const given = nameOf(guest, name, nameLength);
      const values = [guest.readText(value, valueLength)];
      change(guest, kind, { action: 'set', act: (headers) => headers.set(given, values) });
    },
  }),
  hostcall({
    name: 'add_header_value',
    params: [['kind', 'number'], ...text('name'), ...text('value')],
    results: [],
    waits: false,
    meaning: '',
    spec: '',
    call: (guest) => (kind, name, nameLength, value, valueLength) => {
      const given = nameOf(guest, name, nameLength);
      const text = guest.readText(value, valueLength);
      change(guest, kind, { action: 'add', act: (headers) => headers.append(given, text) });
    },
  }),
  hostcall({
    name: 'remove_header',
    params: [['kind', 'number'], ...text('name')],
    results: [],
    waits: false,
    meaning: '',
    spec: '',
    call: (guest) => (kind, name, nameLength) => {
      const given = nameOf(guest, name, nameLength);
      change(guest, kind, { action: 'remove', act: (headers) => headers.remove(given) });
    },
  }),
];
