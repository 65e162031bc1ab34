/** Headers of both messages, and fields after their bodies. */
import type { HeaderMap } from '../objects/headers.ts';
import { hostcall, text, textRoom } from './declare.ts';
import type { HandlerGuest } from './guest.ts';
import { requireChangeable, type Side } from './phases.ts';
import { features } from './run.ts';

const sides = ['request', 'response'] as const satisfies readonly Side[];
const countLength = [['count_len', 'number64']] as const;

/** Of which message: its headers (0, 1), or its trailers (2, 3). Traps for what is no kind. */
function placeOf(guest: HandlerGuest, kind: number): { readonly side: Side; isTrailer: boolean } {
  const side = sides[(kind >>> 0) % sides.length];
  if (side !== undefined && kind >>> 0 < 2 * sides.length) {
    return { side, isTrailer: kind >>> 0 >= sides.length };
  }
  return guest.trap(`Cannot look at headers: their kind is 0 to 3: received ${kind >>> 0}`);
}

/** Undefined: trailers, for who has not asked for them. */
function headersOf(guest: HandlerGuest, kind: number): HeaderMap | undefined {
  const { side, isTrailer } = placeOf(guest, kind);
  const message = guest.run[side];
  if (!isTrailer) return message.headers;
  return guest.run.has(features.trailers) ? message.body.trailers : undefined;
}

function change(
  guest: HandlerGuest,
  kind: number,
  { action, act }: { readonly action: string; readonly act: (headers: HeaderMap) => void },
): void {
  const headers = headersOf(guest, kind);
  if (headers === undefined) {
    const rule = 'only with the feature 4, trailers';
    guest.trap(`Cannot ${action} a trailer: ${rule}: received no such feature`);
  } else {
    requireChangeable(guest, placeOf(guest, kind).side, `${action} a header`);
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
