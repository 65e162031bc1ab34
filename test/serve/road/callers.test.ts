import { expect, test } from 'vitest';
import { BlockedRuns } from '../../../src/capability/fetch/blocked-runs.ts';
import { Visits } from '../../../src/capability/fetch/visits.ts';
import { type LinkedPlace, LinkedRequest } from '../../../src/engine/supply/linked-request.ts';
import { Callers } from '../../../src/serve/road/callers.ts';

const memory = BlockedRuns.createMemory();
const visits = new Visits({ key: new Uint8Array(32), runsPerVisitMax: 9 });
const thread = (): Callers => new Callers({ visits, blocked: new BlockedRuns(memory) });
const place = {} as LinkedPlace;

function sending(callers: Callers) {
  const request = new LinkedRequest();
  return { request, caller: callers.of({ link: () => request }) };
}

test('who waits for a run of this thread is told of to that run alone', () => {
  const here = thread();
  const { request, caller } = sending(here);
  const name = caller.name();
  expect(caller.name()).toBe(name);
  const back = here.receive([name]);
  expect(back.hasCallers).toBe(true);
  back.beginWait(place);
  expect([request.waiting.has(place), request.isBlockedElsewhere]).toEqual([true, false]);
  back.endWait(place);
  expect(request.waiting.size).toBe(0);
});

test('a run learns that another thread has a request of it wait', () => {
  const [here, there] = [thread(), thread()];
  const { request, caller } = sending(here);
  const far = there.receive([caller.name()]);
  expect(request.isBlockedElsewhere).toBe(false);
  far.beginWait(place);
  expect(request.isBlockedElsewhere).toBe(true);
  far.endWait(place);
  // It may end twice: by a seat, and by leaving.
  far.endWait(place);
  expect(request.isBlockedElsewhere).toBe(false);
});

test('a run that has ended is known to nobody', () => {
  const here = thread();
  const { request, caller } = sending(here);
  const name = caller.name();
  caller.close();
  const back = here.receive([name]);
  back.beginWait(place);
  expect([request.waiting.size, request.isBlockedElsewhere]).toEqual([0, false]);
  back.endWait(place);
});

test('a name that is sent again after its run, by whoever has seen it, marks nobody', () => {
  const blocked = new BlockedRuns(BlockedRuns.createMemory());
  const threadOf = (): Callers => new Callers({ visits, blocked });
  const [here, there] = [threadOf(), threadOf()];
  const { caller } = sending(here);
  const name = caller.name();
  caller.close();
  // A second end must not take the name from another run that shares its place.
  caller.close();
  const again = there.receive([name]);
  again.beginWait(place);
  expect(blocked.has(name)).toBe(false);
  again.endWait(place);
  blocked.begin(name);
  expect(blocked.isUnderWay(name)).toBe(true);
});

test('what stands for a request already is not given others', () => {
  const here = thread();
  const { request, caller } = sending(here);
  const inner = here.receive([], new LinkedRequest());
  expect(here.receive([caller.name()], inner)).toBe(inner);
  inner.beginWait(place);
  expect(request.waiting.size).toBe(0);
});
