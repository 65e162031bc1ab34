/** Sockets of 0.3: as in 0.2 there are none, as their types have it. */
import { type HostInterface, prompt, waiting } from './functions.ts';
import { failed } from './results.ts';
import { ipNameLookup03, socketTypes03 } from './wit/sockets03.ts';

/** Of `wasi:sockets/types` and `ip-name-lookup`, `error-code`. */
const accessDenied = { tag: 0, value: undefined };
const notSupported = { tag: 1, value: undefined };

const noSocket = prompt(() => () => failed(notSupported));

export const refused03Interfaces: readonly HostInterface[] = [
  {
    name: 'wasi:sockets/types@0.3.0',
    text: socketTypes03,
    functions: { '[static]tcp-socket.create': noSocket, '[static]udp-socket.create': noSocket },
  },
  {
    name: 'wasi:sockets/ip-name-lookup@0.3.0',
    text: ipNameLookup03,
    functions: { 'resolve-addresses': waiting(() => () => failed(accessDenied)) },
  },
];
