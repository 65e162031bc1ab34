/**
 * Sockets, which toolchains import whole and hardly ever call. They answer that there is nothing,
 * as their types have it. Functions of sockets are left out: nobody is ever given one.
 */
import { type HostInterface, prompt } from './functions.ts';
import { HostResource } from './handles.ts';
import { failed } from './results.ts';
import {
  instanceNetwork,
  ipNameLookup,
  network,
  tcp,
  tcpCreateSocket,
  udp,
  udpCreateSocket,
} from './wit/sockets.ts';

class Network extends HostResource {}

/** Of `wasi:sockets/network`, `error-code`. */
const accessDenied = 1;
const notSupported = 2;

/** No error here is one of theirs. */
const noCode = prompt(() => () => undefined);

export const refusedInterfaces: readonly HostInterface[] = [
  {
    name: 'wasi:sockets/network@0.2.0',
    text: network,
    functions: { 'network-error-code': noCode },
  },
  {
    name: 'wasi:sockets/instance-network@0.2.0',
    text: instanceNetwork,
    functions: { 'instance-network': prompt(() => () => new Network()) },
  },
  {
    name: 'wasi:sockets/ip-name-lookup@0.2.0',
    text: ipNameLookup,
    functions: { 'resolve-addresses': prompt(() => () => failed(accessDenied)) },
  },
  { name: 'wasi:sockets/tcp@0.2.0', text: tcp, functions: {} },
  {
    name: 'wasi:sockets/tcp-create-socket@0.2.0',
    text: tcpCreateSocket,
    functions: { 'create-tcp-socket': prompt(() => () => failed(notSupported)) },
  },
  { name: 'wasi:sockets/udp@0.2.0', text: udp, functions: {} },
  {
    name: 'wasi:sockets/udp-create-socket@0.2.0',
    text: udpCreateSocket,
    functions: { 'create-udp-socket': prompt(() => () => failed(notSupported)) },
  },
];
