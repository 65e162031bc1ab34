/**
 * One more request for the same instance. There is none: every request has a fresh instance, which
 * costs less here than to wait for one.
 */
import type { HandleTable } from '../../handles.ts';
import { answering } from '../declare.ts';
import type { FastlyRun } from '../run.ts';
import { status } from '../status.ts';

const spec = '#one-request';
/** Of the mask: a time to wait. Others are reserved, or from a time to come. */
const knownOptions = 2;

interface Promised {
  readonly kind: 'request promise';
}

class NextRequests {
  readonly promised: HandleTable<Promised>;

  constructor({ items }: FastlyRun) {
    this.promised = items.open('request promise');
  }
}

function nextRequests(run: FastlyRun): NextRequests {
  return new NextRequests(run);
}

export const nextRequestHostcalls = [
  answering({
    name: 'next_request',
    params: [
      ['mask', 'flags'],
      ['opts', 'address'],
      ['request_promise', 'out_handle'],
    ],
    spec,
    meaning: '`limitexceeded` while another was asked for',
    act: (guest, mask, options, ptr) => {
      if ((mask & ~knownOptions) !== 0) return status.inval;
      if ((mask & knownOptions) !== 0) guest.requireRange(options, 8);
      guest.requireRange(ptr, 4);
      const { promised } = guest.run.of(nextRequests);
      if (promised.size > 0) return status.limitexceeded;
      return guest.writeU32(ptr, promised.add({ kind: 'request promise' }));
    },
  }),

  answering({
    name: 'next_request_wait',
    params: [
      ['handle', 'handle'],
      ['request', 'out_handle'],
      ['body', 'out_handle'],
    ],
    spec,
    meaning: '`none`; `unsupported` before the answer to this one',
    act: (guest, handle) => {
      const { run } = guest;
      const { promised } = run.of(nextRequests);
      promised.get(handle);
      if (run.exchange.replyState === 'none') return status.unsupported;
      promised.drop(handle);
      return status.none;
    },
  }),

  answering({
    name: 'next_request_abandon',
    params: [['handle', 'handle']],
    spec,
    act: (guest, handle) => guest.run.of(nextRequests).promised.drop(handle),
  }),
];
