/** `sock`. There are no sockets: what is open is no socket, what is not open is no descriptor. */

import { WasiError } from '../objects/files/errno.ts';
import { answering } from './declare.ts';
import type { WasiGuest } from './guest.ts';

export const sockHostcalls = [
  answering({
    name: 'sock_accept',
    params: [
      ['fd', 'fd'],
      ['flags', 'flags'],
      ['opened', 'out_fd'],
    ],
    meaning: 'answers `notsock`',
    act: (guest, fd) => refuse(guest, fd),
  }),
  answering({
    name: 'sock_recv',
    params: [
      ['fd', 'fd'],
      ['ri_data', 'address'],
      ['ri_data_len', 'number'],
      ['ri_flags', 'flags'],
      ['ro_datalen', 'out_number'],
      ['ro_flags', 'out_number'],
    ],
    meaning: 'answers `notsock`',
    act: (guest, fd) => refuse(guest, fd),
  }),
  answering({
    name: 'sock_send',
    params: [
      ['fd', 'fd'],
      ['si_data', 'address'],
      ['si_data_len', 'number'],
      ['si_flags', 'flags'],
      ['so_datalen', 'out_number'],
    ],
    meaning: 'answers `notsock`',
    act: (guest, fd) => refuse(guest, fd),
  }),
  answering({
    name: 'sock_shutdown',
    params: [
      ['fd', 'fd'],
      ['how', 'flags'],
    ],
    meaning: 'answers `notsock`',
    act: (guest, fd) => refuse(guest, fd),
  }),
];

function refuse(guest: WasiGuest, fd: number): never {
  guest.process.descriptor(fd);
  throw new WasiError('notsock');
}
