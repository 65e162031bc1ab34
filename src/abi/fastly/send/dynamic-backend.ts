/** Back-ends that a guest adds for itself; they are gone with the run. */
import { Buffer } from 'node:buffer';
import type { Backend } from '../../../capability/fetch/contract.ts';
import { answering, text } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, type Given, status } from '../status.ts';
import { secrets } from '../stores/secret-store.ts';
import { nameBytesMax } from './backend.ts';
import { readBackendSettings } from './dynamic-config.ts';

const targetBytesMax = 1_024;
/** A host, and a port where it is not the usual one. */
const targetPattern = /^[^/?#@\\]+$/;

export const dynamicBackendHostcalls = [
  answering({
    name: 'register_dynamic_backend',
    params: [...text('name_prefix'), ...text('target'), ['mask', 'flags'], ['cfg', 'address']],
    spec: '#back-ends',
    meaning: 'for this run alone; `error` where the name is taken',
    act: (guest, namePtr, nameLen, targetPtr, targetLen, mask, ptr): Given => {
      const name = readFilled(guest, namePtr, nameLen, nameBytesMax);
      const target = readFilled(guest, targetPtr, targetLen, targetBytesMax);
      const held = guest.run.of(secrets);
      const { isTls, ...settings } = readBackendSettings(guest, { mask, ptr }, (handle) =>
        Buffer.from(held.get(handle).bytes).toString('latin1'),
      );
      const { backends } = guest.run.capabilities.fetch;
      if (backends.find(name) !== undefined) return status.error;
      backends.add(name, { address: addressOf(target, isTls), ...settings });
      return status.ok;
    },
  }),
];

function readFilled(guest: FastlyGuest, ptr: number, len: number, bytesMax: number): string {
  const read = guest.readText(ptr, len, bytesMax);
  if (read === '') throw new FastlyFault('inval');
  return read;
}

function addressOf(target: string, isTls: boolean): Backend['address'] {
  const url = targetPattern.test(target)
    ? URL.parse(`${isTls ? 'https' : 'http'}://${target}`)
    : null;
  if (url === null) throw new FastlyFault('inval');
  const usualPort = isTls ? 443 : 80;
  return { isTls, host: url.hostname, port: url.port === '' ? usualPort : Number(url.port) };
}
