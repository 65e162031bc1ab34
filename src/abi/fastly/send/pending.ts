/** Requests under way: asked for, waited for, chosen among. */
import { setImmediate as reachMacrotask } from 'node:timers/promises';
import { selectReady } from '../../objects/ready.ts';
import { type Steps, wait } from '../../steps.ts';
import { handles, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Given, type Later, status } from '../status.ts';
import { giveNoReply, giveReply, type ReplyPlace, requireReplyPlace } from './reply.ts';
import { type BackendRequest, backendRequests } from './under-way.ts';

const reply = [
  ['response', 'out_handle'],
  ['body', 'out_handle'],
] as const;
const detailed = [['error_detail', 'address']] as const;

export const pendingHostcalls = [
  waiting({
    name: 'pending_req_poll',
    params: [['h', 'handle'], ['is_done', 'out_number'], ...reply],
    spec: '#requests-under-way',
    meaning: 'does not wait; consumes it once it is done',
    act: (guest, handle, done, response, body) =>
      poll(guest, { handle, done }, { response, body, detail: 0 }),
  }),

  waiting({
    name: 'pending_req_poll_v2',
    params: [['h', 'handle'], ...detailed, ['is_done', 'out_number'], ...reply],
    spec: '#requests-under-way',
    act: (guest, handle, detail, done, response, body) =>
      poll(guest, { handle, done }, { response, body, detail }),
  }),

  waiting({
    name: 'pending_req_wait',
    params: [['h', 'handle'], ...reply],
    spec: '#requests-under-way',
    meaning: 'waits, and consumes it',
    act: (guest, handle, response, body) => finish(guest, handle, { response, body, detail: 0 }),
  }),

  waiting({
    name: 'pending_req_wait_v2',
    params: [['h', 'handle'], ...detailed, ...reply],
    spec: '#requests-under-way',
    act: (guest, handle, detail, response, body) =>
      finish(guest, handle, { response, body, detail }),
  }),

  waiting({
    name: 'pending_req_select',
    params: [...handles('hs'), ['done_idx', 'out_number'], ...reply],
    spec: '#requests-under-way',
    meaning: 'waits for the first to end, and consumes that one alone',
    act: (guest, list, count, done, response, body) =>
      select(guest, { list, count, done }, { response, body, detail: 0 }),
  }),

  waiting({
    name: 'pending_req_select_v2',
    params: [...handles('hs'), ...detailed, ['done_idx', 'out_number'], ...reply],
    spec: '#requests-under-way',
    act: (guest, list, count, detail, done, response, body) =>
      select(guest, { list, count, done }, { response, body, detail }),
  }),
];

interface Polling {
  readonly handle: number;
  readonly done: number;
}

/** What is done is given at once, and the guest is not suspended. */
function poll(guest: FastlyGuest, polling: Polling, place: ReplyPlace): Later {
  requireReplyPlace(guest, place);
  guest.requireRange(polling.done, 4);
  const { table } = guest.run.of(backendRequests);
  if (table.get(polling.handle).isReady) return givePolled(guest, polling, place);
  return pollAgain(guest, polling, place);
}

/** A guest that polls in a loop must let the network in: promises alone never do. */
function* pollAgain(guest: FastlyGuest, polling: Polling, place: ReplyPlace): Steps<Given> {
  yield* wait(reachMacrotask());
  return givePolled(guest, polling, place);
}

function givePolled(guest: FastlyGuest, { handle, done }: Polling, place: ReplyPlace): Given {
  const { table } = guest.run.of(backendRequests);
  const request = table.get(handle);
  guest.writeU32(done, request.isReady ? 1 : 0);
  if (!request.isReady) return giveNoReply(guest, place);
  table.drop(handle);
  return giveReply(guest, request, place);
}

function finish(guest: FastlyGuest, handle: number, place: ReplyPlace): Later {
  requireReplyPlace(guest, place);
  const { table } = guest.run.of(backendRequests);
  const request = table.get(handle);
  if (!request.isReady) return finishLater(guest, handle, place);
  table.drop(handle);
  return giveReply(guest, request, place);
}

function* finishLater(guest: FastlyGuest, handle: number, place: ReplyPlace): Steps<Given> {
  const { table } = guest.run.of(backendRequests);
  const request = table.take(handle);
  yield* wait(request.whenReady());
  return giveReply(guest, request, place);
}

interface Selecting {
  readonly list: number;
  readonly count: number;
  readonly done: number;
}

function select(guest: FastlyGuest, { list, count, done }: Selecting, place: ReplyPlace): Later {
  requireReplyPlace(guest, place);
  guest.requireRange(done, 4);
  const { table } = guest.run.of(backendRequests);
  const chosen = guest.readHandles(list, count, guest.limits.fastlyHandlesPerRunMax);
  if (chosen.length === 0) return status.inval;
  const requests = chosen.map((handle) => table.get(handle));
  const ready = requests.findIndex(({ isReady }) => isReady);
  if (ready !== -1) return giveSelected(guest, { chosen, done, index: ready }, place);
  return selectLater(guest, { chosen, done, requests }, place);
}

interface Chosen {
  readonly chosen: readonly number[];
  readonly done: number;
}

function* selectLater(
  guest: FastlyGuest,
  { requests, ...among }: Chosen & { readonly requests: readonly BackendRequest[] },
  place: ReplyPlace,
): Steps<Given> {
  const index = yield* wait(selectReady(requests));
  return giveSelected(guest, { ...among, index: index ?? 0 }, place);
}

/** Which one it was is told in any case: one that has failed has no handles. */
function giveSelected(
  guest: FastlyGuest,
  { chosen, done, index }: Chosen & { readonly index: number },
  place: ReplyPlace,
): Given {
  const request = guest.run.of(backendRequests).table.take(chosen[index] ?? 0);
  guest.writeU32(done, index);
  giveNoReply(guest, place);
  giveReply(guest, request, place);
  return status.ok;
}
