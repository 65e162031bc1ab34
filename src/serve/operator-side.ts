/** A serving thread's side of what whoever operates the daemon sees and does. */
import { getHeapStatistics } from 'node:v8';
import { noSupplyCounts, type SupplyCounts } from '../engine/supply/counts.ts';
import type { GuestPool } from '../engine/supply/pool.ts';
import type { ThreadCounters } from '../journal/counters.ts';
import type { FolderKey } from '../names.ts';
import type { BanRules } from '../site/bans.ts';
import type { ControlLink } from '../threads/control-link.ts';
import { GaugePage } from '../threads/gauges.ts';
import type { ThreadStart, ToThread } from '../threads/messages.ts';
import type { OperatorAnswer, OperatorQuestion, RunRow } from '../threads/operator-messages.ts';
import type { Listener } from './listener.ts';
import type { Bans } from './road/bans.ts';
import type { Conversations } from './websocket/conversations.ts';

export interface OperatorSideOptions {
  readonly start: Pick<ThreadStart, 'gauges' | 'threadNumber'>;
  readonly link: Pick<ControlLink, 'tell'>;
  readonly pool: GuestPool;
  readonly listener: Pick<Listener, 'connectionCounts'>;
  readonly conversations: Pick<Conversations, 'count'>;
  readonly bans: Bans;
  readonly counters: Pick<ThreadCounters, 'noteThread'>;
}

/** A list that long says enough, and holds up neither thread. */
const runsToldMax = 500;

export class OperatorSide {
  readonly #options: OperatorSideOptions;
  readonly #page: GaugePage;
  /** What the pool had counted when it was told last. */
  #told: SupplyCounts = noSupplyCounts;

  constructor(options: OperatorSideOptions) {
    this.#options = options;
    const { gauges, threadNumber } = options.start;
    this.#page = new GaugePage(gauges, threadNumber);
  }

  /** `lagMs`: how much later than planned this is called. */
  tellGauges(lagMs: number): void {
    const { conversations, listener, pool } = this.#options;
    const { http1, http2 } = listener.connectionCounts;
    const { body, queue } = pool.waitingCounts;
    this.#page.tell({
      runsRunning: pool.runCount - body - queue,
      runsWaiting: body,
      runsQueued: queue,
      idleGuests: pool.idleCount,
      idleGuestBytes: pool.idleBytes,
      http1Connections: http1,
      http2Connections: http2,
      websockets: conversations.count,
      lagMs,
      heapBytes: getHeapStatistics().used_heap_size,
    });
    this.#tellCounts(pool.counts);
  }

  #tellCounts(now: SupplyCounts): void {
    const { counters } = this.#options;
    const told = this.#told;
    counters.noteThread('instances-created', now.created - told.created);
    counters.noteThread('instances-restored', now.restored - told.restored);
    const idle = now.discardedIdle - told.discardedIdle;
    counters.noteThread('instances-discarded-idle', idle);
    counters.noteThread('instances-discarded-ended', now.discarded - told.discarded - idle);
    this.#told = { ...now };
  }

  hear(news: ToThread & { readonly kind: 'operator-question' | 'bans' }): void {
    if (news.kind === 'bans') this.#ban(news.bans);
    else {
      const answer = this.#answer(news.question);
      this.#options.link.tell({ kind: 'operator-answer', id: news.id, answer });
    }
  }

  #answer(question: OperatorQuestion): OperatorAnswer {
    if (question.ask === 'sync') return question;
    if (question.ask === 'runs') return { ask: 'runs', runs: this.#listRuns() };
    return { ask: 'end-run', isFound: this.#options.pool.endRun(question.requestId) };
  }

  /** From now on; what runs for a folder that is banned is ended. */
  #ban(rules: BanRules): void {
    const { bans, pool } = this.#options;
    bans.replace(rules);
    if (rules.folders.length === 0) return;
    const ended = [...pool.looks()].filter(
      ({ record: { folderKey } }) =>
        folderKey !== undefined && bans.isFolderBanned(folderKey as FolderKey),
    );
    for (const { record } of ended) pool.endRun(record.id);
  }

  #listRuns(): readonly RunRow[] {
    const { pool, start } = this.#options;
    const rows: RunRow[] = [];
    for (const { record, phase, ageMs, cpuMs } of pool.looks()) {
      if (rows.length === runsToldMax) break;
      const { id, hostName, folderKey, modulePath, path, clientAddress } = record;
      rows.push({
        ...{ id, thread: start.threadNumber, hostName, folderKey, modulePath, path, clientAddress },
        ...{ phase, ageMs: Math.round(ageMs), cpuMs: Math.round(cpuMs * 10) / 10 },
      });
    }
    return rows;
  }
}
