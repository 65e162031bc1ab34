/** Addresses of the Internet as guests give them: 4 or 16 bytes. */
import type { FastlyGuest } from '../guest.ts';

const ipv4Bytes = 4;
const ipv6Bytes = 16;

export function isAddressLength(len: number): boolean {
  return len === ipv4Bytes || len === ipv6Bytes;
}

/** @throws FastlyFault `inval` */
export function readAddress(guest: FastlyGuest, ptr: number, len: number): Uint8Array {
  return guest.readBytesPooled(ptr, len, ipv6Bytes);
}
