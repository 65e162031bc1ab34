/** `/v1/bans`: whom the operator has shut out. */
import {
  type AdminRequest,
  bodyOf,
  json,
  notThere,
  pageOf,
  type Route,
  textOf,
} from '../request.ts';
import type { AdminWorld } from '../world.ts';

type BanWorld = Pick<AdminWorld, 'bans' | 'journal' | 'threads'>;

export function banRoutes(world: BanWorld): readonly Route[] {
  const path = '/v1/bans';
  return [
    {
      method: 'GET',
      path,
      answer(request) {
        const keyOf = ({ kind, value }: { kind: string; value: string }) => `${kind} ${value}`;
        const { rows, cursor } = pageOf(world.bans.list(), keyOf, request);
        return json({ bans: rows, cursor });
      },
    },
    { method: 'POST', path, answer: async (request) => json(await ban(world, request)) },
    { method: 'DELETE', path, answer: async (request) => json(await unban(world, request)) },
  ];
}

/** In force on every thread before the answer. */
async function ban(
  { bans, journal, threads }: BanWorld,
  request: AdminRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const { kind, value, reason = '', until = null } = bodyOf(request);
  const ban = bans.add({
    kind: textOf(kind, 'kind'),
    value: textOf(value, 'value'),
    reason: reason === '' ? '' : textOf(reason, 'reason'),
    until: until === null ? null : textOf(until, 'until'),
  });
  const target = `${ban.kind} ${ban.value}`;
  journal.tell('operator-action', { action: 'ban', target, actor: request.actor });
  await threads.ask({ ask: 'sync' });
  return { ban };
}

async function unban(
  { bans, journal, threads }: BanWorld,
  request: AdminRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const { kind, value } = bodyOf(request);
  const wanted = { kind: textOf(kind, 'kind'), value: textOf(value, 'value') };
  const target = `${wanted.kind} ${wanted.value}`;
  if (!bans.remove(wanted)) notThere('ban; the list of bans has them', target, 'unban');
  journal.tell('operator-action', { action: 'unban', target, actor: request.actor });
  await threads.ask({ ask: 'sync' });
  return { unbanned: wanted };
}
