/** Who asks, and how the request came. Older guests have the same functions without a handle. */
import { parseAddress, unmapped } from '../../../capability/networks.ts';
import type { RequestHead } from '../../../http/message.ts';
import type { ArgumentsOf, DeclaredHostcall, Value } from '../../hostcall.ts';
import { answering, listRoom, room } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Given, status } from '../status.ts';
import { downstream, receivedHead } from './downstream.ts';
import { traceIdOf } from './trace-id.ts';

const spec = '#the-visitor';
/** What this daemon says of rules about where data may be: it knows of none. */
const noRegion = 'none';
const addressBytesMax = 16;

interface Asked<P extends readonly Value[]> {
  /** With the handle of a request first. */
  readonly name: string;
  /** Without. */
  readonly oldName: string;
  readonly params: P;
  readonly meaning?: string;
  readonly act: (guest: FastlyGuest, head: RequestHead, ...args: ArgumentsOf<P>) => Given;
}

interface Both {
  readonly now: DeclaredHostcall<FastlyGuest>;
  readonly old: DeclaredHostcall<FastlyGuest>;
}

/** A function about the request as it came, in both forms. */
export function aboutVisitor<const P extends readonly Value[]>(asked: Asked<P>): Both {
  const { name, oldName, params, meaning = '' } = asked;
  const act = asked.act as unknown as (
    guest: FastlyGuest,
    head: RequestHead,
    ...args: number[]
  ) => Given;
  return {
    now: answering({
      name,
      params: [['req', 'handle'], ...params] as readonly Value[],
      spec,
      meaning,
      act: (guest, ...[handle, ...args]) => {
        const head = receivedHead(guest, Number(handle));
        return head === undefined ? status.none : act(guest, head, ...args.map(Number));
      },
    }),
    old: answering({
      name: oldName,
      params: params as readonly Value[],
      spec,
      meaning,
      act: (guest, ...args) => act(guest, guest.run.of(downstream).head, ...args.map(Number)),
    }),
  };
}

const address = [
  ['addr_octets_out', 'address'],
  ['num_bytes', 'out_number'],
] as const satisfies readonly Value[];

const facts: readonly Both[] = [
  aboutVisitor({
    name: 'downstream_original_header_names',
    oldName: 'original_header_names_get',
    params: listRoom,
    meaning: 'as they came, in their order and case',
    act: (guest, _head, ptr, len, cursor, next, written) =>
      guest.giveValues({ ptr, len, cursor, next, written }, originalNames(guest)),
  }),

  aboutVisitor({
    name: 'downstream_original_header_count',
    oldName: 'original_header_count',
    params: [['header_count', 'out_number']],
    act: (guest, _head, ptr) => guest.writeU32(ptr, originalNames(guest).length),
  }),

  aboutVisitor({
    name: 'downstream_client_ip_addr',
    oldName: 'downstream_client_ip_addr',
    params: address,
    meaning: '4 or 16 bytes',
    act: (guest, head, ptr, written) => giveAddress(guest, head.clientAddress, { ptr, written }),
  }),

  aboutVisitor({
    name: 'downstream_server_ip_addr',
    oldName: 'downstream_server_ip_addr',
    params: address,
    meaning: '4 or 16 bytes',
    act: (guest, _head, ptr, written) =>
      giveAddress(guest, guest.run.exchange.connection.serverAddress, { ptr, written }),
  }),

  aboutVisitor({
    name: 'downstream_client_request_id',
    oldName: 'downstream_client_request_id',
    params: room('reqid_out'),
    meaning: '32 hexadecimal digits',
    act: (guest, head, ptr, len, written) => guest.give({ ptr, len, written }, traceIdOf(head.id)),
  }),

  aboutVisitor({
    name: 'downstream_client_ddos_detected',
    oldName: 'downstream_client_ddos_detected',
    params: [['ddos_detected', 'out_number']],
    meaning: 'gives 0',
    act: (guest, _head, ptr) => guest.writeU32(ptr, 0),
  }),

  aboutVisitor({
    name: 'downstream_compliance_region',
    oldName: 'downstream_compliance_region',
    params: room('region_out'),
    meaning: 'gives `none`',
    act: (guest, _head, ptr, len, written) => guest.give({ ptr, len, written }, noRegion),
  }),

  aboutVisitor({
    name: 'fastly_key_is_valid',
    oldName: 'fastly_key_is_valid',
    params: [['is_valid', 'out_number']],
    meaning: 'whether `Fastly-Key` is one that the folder’s `fastly.toml` lists',
    act: (guest, head, ptr) => guest.writeU32(ptr, hasValidKey(guest, head) ? 1 : 0),
  }),
];

export const visitorHostcalls = facts.map(({ now }) => now);
export const oldVisitorHostcalls = facts.map(({ old }) => old);

function originalNames({ run }: FastlyGuest): readonly string[] {
  return run.exchange.connection.headerNames;
}

function hasValidKey({ run }: FastlyGuest, { headers }: RequestHead): boolean {
  const key = headers.find(([name]) => name.toLowerCase() === 'fastly-key')?.[1];
  return key !== undefined && run.capabilities.vendor.isValidKey(key);
}

function giveAddress(
  guest: FastlyGuest,
  text: string,
  { ptr, written }: { readonly ptr: number; readonly written: number },
): Given {
  guest.requireRange(ptr, addressBytesMax);
  guest.requireRange(written, 4);
  // Behind some proxies nobody knows: guests that ask for it take no other answer than `ok`.
  const parsed = parseAddress(text.split('%')[0] ?? '');
  const octets = unmapped(parsed ?? new Uint8Array(4));
  guest.writeBytes(ptr, octets);
  return guest.writeU32(written, octets.length);
}
