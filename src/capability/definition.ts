/**
 * What a capability is: a folder that says what its guests see (`contract.ts`), and has a side on
 * the control plane, one on every serving thread, and one that is lent to a run. All of them are
 * made by walking the catalogue; nobody else knows which capabilities there are.
 */
import type { Transferable } from 'node:worker_threads';
import type { Account } from '../account/account.ts';
import type { Config } from '../config/config.ts';
import type { ThreadCounters } from '../journal/counters.ts';
import type { Journal } from '../journal/journal.ts';
import type { RunSpans } from '../journal/spans.ts';
import type { FolderKey, ModulePath } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import type { StoreKeeper } from '../outside/store/store-keeper.ts';
import type { SiteSettings } from '../site/settings.ts';
import type { NamedCaller } from './fetch/run-fetch.ts';
import type { Entered } from './fetch/visits.ts';
import type { SiteDirectory } from './files/files.ts';
import type { GuestLineSink } from './log/guest-log.ts';

/** Which run: everything it reaches is narrowed to this. */
export interface RunIdentity {
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
  readonly requestId: string;
  /** Whose request it is: the lines that the run writes are of the client's share too. */
  readonly clientAddress?: string;
  /** `countLoopHops` of the request's headers; left out when there can be none. */
  readonly loopHops?: number;
  /** `Visits.enter` of that request. */
  readonly visit?: Entered | undefined;
  /** See `RunOrigin`. */
  readonly caller?: NamedCaller | undefined;
  /** Where the site's files are; left out when the module is run alone. */
  readonly place?: SiteDirectory;
  /** What the owner has set for the folder; left out where there is nothing. */
  readonly siteSettings?: SiteSettings | undefined;
  /** Where the module is counted; left out: with the others. */
  readonly counterRow?: number;
  /** What is seen of it, where its request is traced. */
  readonly spans?: RunSpans | undefined;
}

/** What the two sides say to each other: plain data that is structured-cloned. */
export interface Speech {
  /** Given to every thread when it begins. */
  readonly start?: unknown;
  readonly question?: unknown;
  readonly answer?: unknown;
  /** Told to all threads at once. */
  readonly news?: unknown;
}

/** What the control plane lends to the control sides. */
export interface ControlWorld<S extends Speech = Speech> {
  readonly config: Config;
  readonly journal: Journal;
  /** The control plane's own page of it. */
  readonly account: Account;
  readonly resolver: Pick<Resolver, 'addresses' | 'exchange'>;
  /** The writer of the shared store. */
  readonly store: Pick<StoreKeeper, 'connect' | 'cluster'>;
  /** Tells the thread sides of this capability. */
  tell(news: S['news']): void;
}

/** One a daemon. */
export interface ControlSide<S extends Speech = Speech> {
  /** For a thread that is about to start. */
  connectThread?(): {
    readonly start: S['start'];
    readonly transfer?: readonly Transferable[];
  };
  /** Rejects with a TerrafirmaError where it cannot. */
  answer?(question: S['question']): Promise<S['answer']>;
  close?(): Promise<void>;
}

/** What a serving thread lends to its sides. */
export interface ThreadWorld {
  readonly config: Config;
  readonly guards: MountGuards;
  readonly account: Account;
  /** Ports where this daemon itself answers. */
  readonly servedPorts: readonly number[];
  /** One module is run by the person at the machine, who may reach what she likes from it. */
  readonly isRunAlone: boolean;
  readonly onGuestLine: GuestLineSink;
  /** Where it is counted what modules do; left out: nobody asks. */
  readonly counters?: CapabilityCounters;
}

/** What capabilities count, by the row of a module. */
export type CapabilityCounters = Pick<ThreadCounters, 'noteOutbound' | 'noteKeyValue'>;

/** A thread side's line to its control side. */
export interface ThreadLink<S extends Speech = Speech> {
  readonly start: S['start'];
  /** Equal questions under way are joined by `key`. */
  ask(question: S['question'], key: string): Promise<S['answer']>;
  /** One listener. */
  onNews(listener: (news: S['news']) => void): void;
}

export interface CapabilityDefinition<
  Run,
  Thread,
  S extends Speech = Speech,
  Control extends ControlSide<S> = ControlSide<S>,
> {
  /** Left out where nothing is to be done on the control plane. */
  openControl?(world: ControlWorld<S>): Control;
  /** One a serving thread. */
  openThread(world: ThreadWorld, link: ThreadLink<S>): Thread;
  /** What one run gets, made when it first asks: narrowed to it, counting from zero. */
  lend(thread: Thread, run: RunIdentity): Run;
  /** When no run is left. */
  closeThread?(thread: Thread): void | Promise<void>;
}

/** The same, seen by who only walks the catalogue. */
export type AnyDefinition = CapabilityDefinition<unknown, unknown>;
