/**
 * All that a Terrarium guest may import, in the order of the contract. All of it is always there: a
 * module may import what it never calls (A15).
 */
import { byName, type HostcallTable } from '../hostcall.ts';
import { clockHostcalls } from './clock.ts';
import { compilerImports } from './compilers.ts';
import { dnsHostcalls } from './dns.ts';
import type { TerrariumGuest } from './guest.ts';
import { initMm } from './init-mm.ts';
import { keyValueHostcalls } from './keyvalue.ts';
import { logHostcalls } from './log.ts';
import { outboundHostcalls } from './outbound.ts';
import { pendingHostcalls } from './pending.ts';
import { randomHostcalls } from './random.ts';
import { requestHostcalls } from './request.ts';
import { fetchedHostcalls, outgoingHostcalls } from './response.ts';

/** The module that all of them are imported from. */
export const importModule = 'env';

/** The 32 hostcalls of the contract. */
export const terrariumHostcalls = byName(
  initMm,
  logHostcalls,
  requestHostcalls,
  outboundHostcalls,
  pendingHostcalls,
  fetchedHostcalls,
  outgoingHostcalls,
  keyValueHostcalls,
  randomHostcalls,
  clockHostcalls,
  dnsHostcalls,
);

/** What compilers add to any module: answered too, so that their output runs as it comes. */
export const addedByCompilers = byName(compilerImports);

export const terrariumTable: HostcallTable<TerrariumGuest> = new Map([
  [importModule, new Map([...terrariumHostcalls, ...addedByCompilers])],
]);
