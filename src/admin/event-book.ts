/**
 * What has happened since the start, for whoever asks later: how often each kind of event was told,
 * the verdicts on each module, and the newest deploys with their numbers. A reader of the journal.
 */
import type { EventKind } from '../journal/events.ts';
import type { JournalEvent } from '../journal/journal.ts';

export interface DeployCount {
  readonly folderKey: string;
  readonly modulePath: string;
  readonly result: DeployResult;
  count: number;
}

type DeployResult = 'published' | 'refused' | 'failed' | 'removed' | 'rolled-back';

/** What is counted, as metrics read it. */
export interface EventTally {
  readonly deploys: Iterable<DeployCount>;
  countOf(kind: EventKind): number;
}

export interface KeptEvent {
  /** Grows with each event of the topic. */
  readonly id: number;
  readonly atMs: number;
  readonly event: JournalEvent;
}

const deployResults: ReadonlyMap<EventKind, DeployResult> = new Map([
  ['module-published', 'published'],
  ['module-refused', 'refused'],
  ['module-not-judged', 'failed'],
  ['module-removed', 'removed'],
  ['module-rolled-back', 'rolled-back'],
]);

/** Beyond it, verdicts are counted together. */
const others = '(other)';

export interface EventBookOptions {
  /** Modules whose deploys are counted each for itself. */
  readonly rowsMax: number;
  readonly keptMax: number;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

export class EventBook implements EventTally {
  readonly #options: EventBookOptions;
  readonly #counts = new Map<EventKind, number>();
  readonly #deploys = new Map<string, DeployCount>();
  readonly #kept: KeptEvent[] = [];
  readonly #listeners = new Set<(event: KeptEvent) => void>();
  #nextId = 1;
  #droppedLines = 0;

  constructor(options: EventBookOptions) {
    this.#options = options;
  }

  get deploys(): Iterable<DeployCount> {
    return this.#deploys.values();
  }

  countOf(kind: EventKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Deploys that were told after `id`, oldest first; `isWhole`: none of them was forgotten. */
  after(id: number): { readonly events: readonly KeptEvent[]; readonly isWhole: boolean } {
    const [oldest] = this.#kept;
    const events = this.#kept.filter((kept) => kept.id > id);
    return { events, isWhole: oldest === undefined || oldest.id <= id + 1 };
  }

  /** Of the control plane's log. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  get lastId(): number {
    return this.#nextId - 1;
  }

  /** Calls `listener` with each deploy from now on, until the returned function is called. */
  onDeploy(listener: (event: KeptEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A reader of the journal. */
  take(event: JournalEvent): void {
    if (event.kind === 'log-lines-dropped') this.#droppedLines += Number(event.facts.droppedLines);
    this.#counts.set(event.kind, this.countOf(event.kind) + 1);
    const result = deployResults.get(event.kind);
    if (result === undefined) return;
    const { folderKey, modulePath } = event.facts;
    this.#countDeploy(String(folderKey), String(modulePath), result);
    const kept = { id: this.#nextId, atMs: this.#options.nowMs(), event };
    this.#nextId += 1;
    this.#kept.push(kept);
    if (this.#kept.length > this.#options.keptMax) this.#kept.shift();
    for (const listener of this.#listeners) listener(kept);
  }

  #countDeploy(folderKey: string, modulePath: string, result: DeployResult): void {
    const key = `${folderKey}\n${modulePath}\n${result}`;
    const isFull = this.#deploys.size >= this.#options.rowsMax && !this.#deploys.has(key);
    const [folder, module] = isFull ? [others, ''] : [folderKey, modulePath];
    const ownKey = `${folder}\n${module}\n${result}`;
    const known = this.#deploys.get(ownKey);
    if (known !== undefined) known.count += 1;
    else this.#deploys.set(ownKey, { folderKey: folder, modulePath: module, result, count: 1 });
  }
}
