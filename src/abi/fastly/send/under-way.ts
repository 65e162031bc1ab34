/** Requests that a guest has sent to back-ends, from the sending to the reply. */
import { setImmediate as reachMacrotask } from 'node:timers/promises';
import type { StreamedReply } from '../../../capability/fetch/contract.ts';
import type { HandleTable } from '../../handles.ts';
import type { HeaderMap } from '../../objects/headers.ts';
import type { HeldForRun } from '../../objects/held-for-run.ts';
import { ObjectError } from '../../objects/object-error.ts';
import type { Outcome, Pending } from '../../objects/pending.ts';
import type { ReadyItem } from '../../objects/ready.ts';
import { cacheOverrides } from '../cache/override.ts';
import { openThroughCache, type ReadThrough } from '../cache/read-through.ts';
import type { FamilyState, FastlyRun } from '../run.ts';
import { type Outgoing, toOutbound } from './outgoing.ts';

/** Which answer a change is for: the back-end's, or the one that says that there is none. */
export type EditTarget = 'response' | 'failure';

interface Edit {
  readonly heldBytes: number;
  readonly targets: readonly EditTarget[];
  readonly change: (headers: HeaderMap) => void;
}

/** Of one request; each is a closure that the run keeps. */
const editsMax = 256;

export class BackendRequest implements ReadyItem {
  readonly isHttp2: boolean;
  readonly #pending: Pending<StreamedReply>;
  readonly #edits: Edit[] = [];
  #heldBytes: number;

  /** @param outgoing What was sent; the run still holds its head. */
  constructor(pending: Pending<StreamedReply>, { backend, request }: Outgoing) {
    this.#pending = pending;
    this.isHttp2 = backend.grpc === true;
    this.#heldBytes = request.heldBytes;
  }

  get pending(): Pending<StreamedReply> {
    return this.#pending;
  }

  /** Undefined while it is under way. */
  get outcome(): Outcome<StreamedReply> | undefined {
    return this.#pending.outcome;
  }

  get isReady(): boolean {
    return this.#pending.isReady;
  }

  whenReady(): Promise<void> {
    return this.#pending.whenReady();
  }

  giveUp(): void {
    this.#pending.giveUp();
  }

  /** There is a reply, or nobody wants one any more. */
  releaseHead(held: HeldForRun): void {
    held.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /**
   * What is to be changed of the answer before the visitor gets it.
   *
   * @throws ObjectError `limit`, `memory`
   */
  edit(edit: Edit, held: HeldForRun): void {
    if (this.#edits.length >= editsMax) {
      const message = `Cannot change the answer: at most ${editsMax} changes: received one more`;
      throw new ObjectError('limit', message);
    }
    held.hold(edit.heldBytes);
    this.#heldBytes += edit.heldBytes;
    this.#edits.push(edit);
  }

  /** @throws ObjectError where the fields become more than a message may have */
  applyEdits(headers: HeaderMap, target: EditTarget): void {
    for (const { targets, change } of this.#edits) if (targets.includes(target)) change(headers);
  }
}

class BackendRequests implements FamilyState {
  readonly table: HandleTable<BackendRequest>;
  readonly #run: FastlyRun;

  constructor(run: FastlyRun) {
    this.#run = run;
    this.table = run.items.open('request under way');
  }

  /** Sends it; what becomes of it is in the result. */
  start(outgoing: Outgoing): BackendRequest {
    const pending = this.#run.underWay.start(({ signal }) => this.#open(outgoing, signal));
    return new BackendRequest(pending, outgoing);
  }

  /**
   * The head of a request can only leave with the first bytes of its body; and kits write a body
   * that they have whole and close it in one go: then its length is known.
   */
  async #open(outgoing: Outgoing, signal: AbortSignal): Promise<StreamedReply> {
    if (outgoing.written !== undefined) {
      await outgoing.written.whenReady();
      await reachMacrotask();
    }
    const run = this.#run;
    const { fetch } = run.capabilities;
    const { backend, isPastCache, request } = outgoing;
    const outbound = toOutbound(outgoing);
    if (isPastCache === true) return await fetch.open(outbound, signal);
    const override = run.of(cacheOverrides).of(request);
    const open: ReadThrough['open'] = (wanted, until) => fetch.open(wanted, until);
    return await openThroughCache(run, { outbound, backend, override, open }, signal);
  }

  /** It is the visitor's answer now, and outlives the run. */
  letGo(request: BackendRequest): void {
    this.#run.underWay.letGo(request.pending);
  }

  release(): void {
    for (const request of this.table.values()) request.giveUp();
  }
}

/** Those of a run; a family state. */
export function backendRequests(run: FastlyRun): BackendRequests {
  return new BackendRequests(run);
}
