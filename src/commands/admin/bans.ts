/** `terrafirma ban` and `unban`: whom a running daemon shuts out. */
import { isIP } from 'node:net';
import { TerrafirmaError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';
import { formatTable } from './table.ts';

interface BanRow {
  readonly kind: string;
  readonly value: string;
  readonly reason: string;
  readonly since: string;
  readonly until: string | null;
}

const what = {
  name: 'host|folder|address',
  summary: 'Such as evil.example, *.evil.example, /keybase/public/eve, 203.0.113.0/24',
};

export const ban: Command = {
  name: 'ban',
  summary: 'Shut out a host name, a folder or an address; without one, list the bans',
  positionals: [{ ...what, isRequired: false }],
  flags: [
    ...adminFlags,
    { name: 'reason', placeholder: 'text', summary: 'Kept with the ban, for other operators' },
    { name: 'for', placeholder: '10m|2h|7d', summary: 'For so long; default: for good' },
    { name: 'json', summary: 'Print JSON' },
  ],
  readsConfig: true,
  settings: adminSettings,
  notes: ['Its requests answer 403, its handshakes are refused, what runs for it ends.', adminNote],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    const [value] = given.positionals;
    if (value === undefined) {
      const told = await daemon.json('/v1/bans');
      if (given.has('json')) io.write(`${JSON.stringify(told, undefined, 2)}\n`);
      else io.write(`${listBans(told.bans as readonly BanRow[]).join('\n')}\n`);
      return 0;
    }
    const duration = given.value('for');
    const until =
      duration === undefined ? null : new Date(Date.now() + readDuration(duration)).toISOString();
    const told = await daemon.change('POST', '/v1/bans', {
      ...{ kind: kindOf(value), value, until },
      reason: given.value('reason') ?? '',
    });
    if (given.has('json')) io.write(`${JSON.stringify(told, undefined, 2)}\n`);
    else io.write(`${nameOf(told.ban as BanRow)} is banned, by the daemon at ${daemon.name}\n`);
    return 0;
  },
};

export const unban: Command = {
  name: 'unban',
  summary: 'Let in again what was banned',
  positionals: [{ ...what, isRequired: true }],
  flags: adminFlags,
  readsConfig: true,
  settings: adminSettings,
  notes: [adminNote],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    const [value = ''] = given.positionals;
    await daemon.change('DELETE', '/v1/bans', { kind: kindOf(value), value });
    io.write(`${kindOf(value)} ${value} is let in, by the daemon at ${daemon.name}\n`);
    return 0;
  },
};

function nameOf({ kind, value }: BanRow): string {
  return `${kind} ${value}`;
}

function kindOf(value: string): string {
  if (value.startsWith('/')) return 'folder';
  return isIP(value.split('/')[0] ?? '') === 0 ? 'host' : 'address';
}

const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** `10m` → milliseconds. Errors: `usage`. */
export function readDuration(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const factor = unitMs[unit];
  if (amount !== undefined && factor !== undefined) return Number(amount) * factor;
  const rule = 'a duration must be a number and s, m, h or d, such as 10m';
  throw new TerrafirmaError('usage', `Cannot run: ${rule}: received "${text}"`);
}

function listBans(bans: readonly BanRow[]): readonly string[] {
  if (bans.length === 0) return ['Nobody is banned'];
  return formatTable(
    [
      { title: 'kind', of: ({ kind }) => kind },
      { title: 'value', of: ({ value }) => value },
      { title: 'since', of: ({ since }) => since },
      { title: 'until', of: ({ until }) => until ?? 'for good' },
      { title: 'reason', of: ({ reason }) => reason },
    ],
    bans,
  );
}
