/**
 * Shields: nodes that the vendor sends requests through. Here they are what the folder's
 * `fastly.toml` says, and nothing where it says nothing.
 */
import { Buffer } from 'node:buffer';
import { answering, text } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, status } from '../status.ts';
import { readName } from './named-handles.ts';

const spec = '#shields';
const urlBytesMax = 2_048;
const cacheKeyBytesMax = 4_096;
const bits = { reserved: 1, cacheKey: 2, firstByte: 4, betweenBytes: 8 } as const;

export const shieldingHostcalls = [
  answering({
    name: 'shield_info',
    params: [
      ...text('name'),
      ['info_block', 'room'],
      ['info_block_len', 'length'],
      ['num_bytes', 'out_filled'],
    ],
    spec,
    meaning: '1 where it is this node, else 0; then two URLs, each with a NUL behind it',
    act: (guest, namePtr, nameLen, ptr, len, written) => {
      const name = readName(guest, namePtr, nameLen);
      guest.requireRange(written, 4);
      const site = guest.run.capabilities.vendor.shieldingSite(name);
      if (site === undefined) return status.inval;
      const isHere = site === 'local';
      const urls = isHere ? ['', ''] : [site.unencrypted, site.encrypted];
      const block = Buffer.from(
        `${isHere ? '\x01' : '\0'}${urls.map((url) => `${url}\0`).join('')}`,
      );
      return guest.giveWhole({ ptr, len, written }, block);
    },
  }),

  answering({
    name: 'backend_for_shield',
    params: [
      ...text('shield_name'),
      ['mask', 'flags'],
      ['cfg', 'address'],
      ['backend_name_out', 'room'],
      ['backend_name_len', 'length'],
      ['num_bytes', 'out_filled'],
    ],
    spec,
    meaning: 'adds a back-end for a URL of `shield_info`, and gives its name',
    act: (guest, urlPtr, urlLen, mask, config, ptr, len, written) => {
      const url = guest.readText(urlPtr, urlLen, urlBytesMax);
      guest.requireRange(written, 4);
      const times = readTimes(guest, mask, config >>> 0);
      const address = addressOf(url);
      if (address === undefined) return status.inval;
      const name = Buffer.from(`shield ${url}`);
      guest.requireRange(ptr, len);
      if (name.length > len >>> 0) return status.buflen;
      const { backends } = guest.run.capabilities.fetch;
      if (backends.find(`shield ${url}`) === undefined) {
        backends.add(`shield ${url}`, { address, ...times });
      }
      return guest.giveWhole({ ptr, len, written }, name);
    },
  }),
];

interface Times {
  readonly firstByteTimeoutMs?: number;
  readonly betweenBytesTimeoutMs?: number;
}

/** `cache_key @0 @4 │ first_byte_timeout_ms @8 │ between_bytes_timeout_ms @12`. */
function readTimes(guest: FastlyGuest, mask: number, at: number): Times {
  if ((mask & bits.reserved) !== 0) throw new FastlyFault('inval');
  if ((mask & bits.cacheKey) !== 0) {
    guest.readText(guest.readU32(at), guest.readU32(at + 4), cacheKeyBytesMax);
  }
  return {
    ...((mask & bits.firstByte) === 0 ? {} : { firstByteTimeoutMs: guest.readU32(at + 8) }),
    ...((mask & bits.betweenBytes) === 0 ? {} : { betweenBytesTimeoutMs: guest.readU32(at + 12) }),
  };
}

function addressOf(text: string): { isTls: boolean; host: string; port: number } | undefined {
  const url = /^https?:/i.test(text) ? URL.parse(text) : null;
  if (url === null) return undefined;
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  return { isTls, host: url.hostname, port };
}
