/**
 * Whether a robot asks. This daemon does not know. Where the folder says so (`[fastly]`,
 * `bot_fields`), fields of the request tell, as before the vendor's local server. Anybody may send
 * them: else flags are 0, and names, and whether a name is right, are not there.
 */
import type { RequestHead } from '../../../http/message.ts';
import type { ArgumentsOf, Value } from '../../hostcall.ts';
import { answering, room } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Given, status } from '../status.ts';
import { receivedHead } from './downstream.ts';

const spec = '#the-visitor';
/** Numbers of categories, by the place in this list. */
const kinds = [
  ...['none', 'suspected', 'accessibility', 'ai-crawler', 'ai-fetcher', 'content-fetcher'],
  ...['monitoring-site-tools', 'online-marketing', 'page-preview', 'platform-integration'],
  ...['research', 'search-engine-crawler', 'search-engine-optimization', 'security-tools'],
  'headless',
];

interface Asked<P extends readonly Value[]> {
  readonly name: string;
  readonly params: P;
  readonly meaning: string;
  /** With the field's value; undefined: it was not sent, or is not believed. */
  readonly act: (guest: FastlyGuest, value: string | undefined, ...args: ArgumentsOf<P>) => Given;
  /** Behind `x-fastly-bot-`. */
  readonly field: string;
}

function aboutBot<const P extends readonly Value[]>({ name, params, meaning, ...asked }: Asked<P>) {
  const act = asked.act as (
    guest: FastlyGuest,
    value: string | undefined,
    ...args: number[]
  ) => Given;
  const field = `x-fastly-bot-${asked.field}`;
  return answering({
    name: `downstream_bot_${name}`,
    params: [['req', 'handle'], ...params] as readonly Value[],
    spec,
    meaning,
    act: (guest, ...[handle, ...args]) => {
      const head = receivedHead(guest, Number(handle));
      if (head === undefined) return status.none;
      return act(guest, believedField(guest, head, field), ...args.map(Number));
    },
  });
}

function believedField(guest: FastlyGuest, { headers }: RequestHead, field: string) {
  if (!guest.run.capabilities.vendor.hasBotFields) return undefined;
  return headers.find(([name]) => name.toLowerCase() === field)?.[1];
}

function flag(name: 'analyzed' | 'detected') {
  return aboutBot({
    name,
    field: name,
    params: [[`bot_${name}`, 'out_number']],
    meaning: `1 where the folder believes \`x-fastly-bot-${name}: true\`, else 0`,
    act: (guest, value, ptr) => guest.writeU32(ptr, value === 'true' ? 1 : 0),
  });
}

function name(what: 'name' | 'category') {
  return aboutBot({
    name: what,
    field: what,
    params: room(`bot_${what}_out`),
    meaning: `\`none\` unless the folder believes \`x-fastly-bot-${what}\``,
    act: (guest, value, ptr, len, written) =>
      value === undefined ? status.none : guest.give({ ptr, len, written }, value),
  });
}

export const botHostcalls = [
  flag('analyzed'),
  flag('detected'),
  name('name'),
  name('category'),
  aboutBot({
    name: 'category_kind',
    field: 'category',
    params: [['bot_category_kind', 'out_number']],
    meaning: 'the same as a number; `none` for a category without one, too',
    act: (guest, value, ptr) => {
      const kind = value === undefined ? undefined : kindOf(value.toLowerCase());
      return kind === undefined ? status.none : guest.writeU32(ptr, kind);
    },
  }),
  aboutBot({
    name: 'verified',
    field: 'verified',
    params: [['bot_verified', 'out_number']],
    meaning: '`none` unless the folder believes `x-fastly-bot-verified`',
    act: (guest, value, ptr) =>
      value === undefined ? status.none : guest.writeU32(ptr, value === 'true' ? 1 : 0),
  }),
];

/** A category may be a number by itself, of which the vendor may have more by now. */
function kindOf(category: string): number | undefined {
  if (/^\d{1,9}$/.test(category)) return Number(category);
  const place = kinds.indexOf(category);
  return place === -1 ? undefined : place;
}
