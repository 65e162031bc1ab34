/**
 * The inspection of a request by the vendor's firewall. There is none here; where the folder says
 * what it answers (`[fastly]`, `inspection`), every request is answered that.
 */
import { Buffer } from 'node:buffer';
import { answering } from './declare.ts';
import type { FastlyGuest } from './guest.ts';
import { FastlyFault, status } from './status.ts';
import { isAddressLength, readAddress } from './stores/address.ts';

const bits = { corp: 2, workspace: 4, clientAddress: 8 } as const;
const infoBytes = 24;
const nameBytesMax = 1_024;

export const inspectHostcalls = [
  answering({
    name: 'inspect',
    params: [
      ['req', 'handle'],
      ['body', 'handle'],
      ['insp_info_mask', 'flags'],
      ['insp_info', 'address'],
      ['buf', 'room'],
      ['buf_len', 'length'],
      ['num_bytes', 'out_filled'],
    ],
    spec: '#elsewhere',
    meaning: 'a verdict in JSON where the folder says which; else `unsupported`',
    act: (guest, request, body, mask, info, ptr, len, written) => {
      const { run } = guest;
      const verdict = run.capabilities.vendor.inspection;
      if (verdict === undefined) return status.unsupported;
      run.requests.get(request);
      run.bodies.get(body);
      requireInfo(guest, mask, info);
      return guest.giveWhole({ ptr, len, written }, Buffer.from(answerOf(verdict)));
    },
  }),
];

/**
 * `corp @0 @4 │ workspace @8 @12 │ override_client_ip @16 @20`: both names are needed, and only
 * looked at.
 */
function requireInfo(guest: FastlyGuest, mask: number, info: number): void {
  guest.requireRange(info, infoBytes);
  const at = info >>> 0;
  requireName(guest, (mask & bits.corp) !== 0, at);
  requireName(guest, (mask & bits.workspace) !== 0, at + 8);
  if ((mask & bits.clientAddress) === 0) return;
  const length = guest.readU32(at + 20);
  if (!isAddressLength(length)) throw new FastlyFault('inval');
  readAddress(guest, guest.readU32(at + 16), length);
}

function requireName(guest: FastlyGuest, isGiven: boolean, at: number): void {
  if (!isGiven) throw new FastlyFault('inval');
  const name = guest.readText(guest.readU32(at), guest.readU32(at + 4), nameBytesMax);
  if (name === '') throw new FastlyFault('inval');
}

function answerOf(verdict: 'allow'): string {
  const [waf_response, decision_ms] = [200, 0];
  return JSON.stringify({ waf_response, redirect_url: '', tags: [], verdict, decision_ms });
}
