/**
 * What an ABI is to the rest of the program: the imports it answers, the entry it calls, and how
 * one exchange reaches the guest and comes back. Translators only: an ABI holds no sockets, opens
 * no files, knows no clock; all it may reach comes in through `Run.capabilities`.
 */

import type { Capabilities } from '../capability/capability.ts';
import type { OutboundRequest, StreamedReply } from '../capability/fetch/contract.ts';
import type { ReadBody } from '../http/body.ts';
import type { ConnectionFacts } from '../http/connection-facts.ts';
import type { LateReply } from '../http/late-reply.ts';
import type { Header, ReplyHead, RequestHead } from '../http/message.ts';
import type { ComponentPlan } from '../wasm/component/plan.ts';
import type { EarlyBinding, EarlyRules } from './early.ts';
import type { Hostcall, ImportName } from './hostcall.ts';
import type { GuestMemory } from './memory.ts';
import type { NestedCall } from './steps.ts';

/**
 * One request and the place for its answer. Made by the listener, used by one run.
 *
 * Any number of `inform`, then `send` or `sendPiped` once, or `start`, any number of `write` and
 * `pipe`, and `end` or `abort`. Calling anything after that throws: it is a bug of the ABI, never
 * of the guest.
 *
 * The answer may be complete before the run is: it leaves at once, and the connection is free for
 * the next request when it and the request's body have gone through. The run may read on in the
 * body as long as HTTP lets the client send it.
 */
export interface Exchange {
  readonly request: RequestHead;
  /** What is known of the connection below; made anew each time that it is asked for. */
  readonly connection: ConnectionFacts;
  /**
   * The whole request body. Errors: `request-too-large` past `bodyBytesMax`, `request-timeout`,
   * `client-gone`. An empty body costs no wait: `hasBody` tells.
   */
  readBody(bodyBytesMax: number): Promise<Uint8Array>;
  /** Whether nobody else looks at what `readBody` has answered. Left out: somebody may. */
  readonly givesBodyAway?: boolean;
  /** The next piece of the body, at its own pace; undefined at the end. Not after `readBody`. */
  readChunk(): Promise<Uint8Array | undefined>;
  readonly hasBody: boolean;
  /** Fields after the body, names in lower case; none before its end. Left out: none. */
  readonly bodyTrailers?: readonly Header[];
  /** Whether all of the body has arrived; also where there is none. */
  readonly isBodyReceived: boolean;
  /**
   * Sends an interim answer (RFC 9110, section 15.2), such as 103 with links to what the client
   * will need. `head` must be a valid one, with a status of 100 to 199 but 101. False, and nothing
   * is sent, when the client cannot take it (HTTP/1.0, or gone) or has had as many as it may get.
   */
  inform(head: ReplyHead): boolean;
  /**
   * Room for a body of `bytes` that `send` will be given: with anything in it, which nobody may
   * see. Undefined, or left out, where the body needs an allocation of its own.
   */
  lendRoom?(bytes: number): Uint8Array | undefined;
  /** Head and body leave in one write. The exchange owns `body` from here on. */
  send(head: ReplyHead, body: Uint8Array): void;
  /**
   * As `send`, but the body comes from elsewhere: it goes to the client at the pace of both, also
   * after the run has ended, and never through the guest. The exchange owns `body` from here on. A
   * body that breaks off breaks the answer off.
   *
   * @throws TerrafirmaError `overloaded`, and nothing is sent, where there is no room for what is
   * here of it already.
   */
  sendPiped(head: ReplyHead, body: ReadBody): void;
  /**
   * As `sendPiped`, for an answer that is still to come from elsewhere, perhaps long after the run
   * has ended. `signal` says that the client has gone. With status 101 it may bring a connection,
   * where the client asked for that: see `upgradeWanted`. One that fails is told by the gateway.
   */
  sendLater(open: (signal: AbortSignal) => Promise<LateReply>): void;
  /** `bodyBytes`: how long the body will be, where that is known; more or less breaks it off. */
  start(head: ReplyHead, bodyBytes?: number): void;
  /** A promise where the client should take some before there is more (back-pressure). */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /**
   * Of an answer that was started: whether nobody looks any more at what was written, so that it
   * may be let go. Left out: somebody may.
   */
  readonly taker?: { readonly isTaken: boolean } | undefined;
  /**
   * Writes all of `body`, which the exchange owns from here on; no `write` meanwhile. Rejects when
   * it breaks off; the answer is then still open.
   */
  pipe(body: ReadBody): Promise<void>;
  end(): void;
  /** Breaks the answer off so that the client sees it is not whole. */
  abort(): void;
  /**
   * Instead of `send`: the answer is the one a GET of `target` would get, a path and query of this
   * site (RFC 3875, section 6.2.2). The gateway finds it once the run is over.
   */
  redirectInside(target: string): void;
  readonly replyState: 'none' | 'started' | 'ended';
  /** What stands behind the run in a chain of middleware; left out: nothing does. */
  readonly next?: NextInChain | undefined;
  /** What the client wants its connection to become, where it may; see `Abi.takesUpgrades`. */
  readonly upgradeWanted?: 'websocket' | undefined;
  /** Whether the client has gone away: nothing that is sent reaches it. */
  readonly isGone: boolean;
  /** One listener, called once when the client goes away before the answer has ended. */
  onGone(listener: (() => void) | undefined): void;
}

/** Whoever waits for something, and may stop doing so. */
export interface GivingUp {
  /** For what wants a signal. */
  readonly signal: AbortSignal;
  /** One listener, called at once where it has been given up. */
  onGiveUp(listener: (() => void) | undefined): void;
}

/** The rest of a chain of middleware: its other links, and what the path leads to. */
export interface NextInChain {
  /**
   * The answer to `request`, a request to this site with any path. Whoever asks may give it up, and
   * what is still to come of it. A promise where it is not there at once; fails, or rejects, with a
   * CapabilityRefusal.
   */
  open(request: OutboundRequest, asker: GivingUp): StreamedReply | Promise<StreamedReply>;
  /** In place of an answer: the exchange, as it is, goes on when the run has ended. */
  passOn(): void;
}

/**
 * Messages both ways for as long as a connection lasts, in place of an answer. Made by the request
 * road, used by one run.
 */
export interface Conversation {
  /** Of one message, in either direction. */
  readonly messageBytesMax: number;
  /**
   * The oldest message that the client sent; undefined when there is none now. What the guest does
   * from here on is this message's.
   */
  takeMessage(): Uint8Array | undefined;
  /** No message will come any more; those that have come can still be taken. */
  readonly isOver: boolean;
  /** Resolves when there is a message, or the client has ended. May be asked again. */
  whenReady(): Promise<void>;
  /**
   * Sends one message, which the conversation owns from here on; after the client has gone it is
   * dropped. A promise when there should be no more until it resolves.
   */
  send(message: Uint8Array): Promise<void> | undefined;
  /** One listener, called whenever a message is taken: its budget begins. */
  onTaken(listener: (() => void) | undefined): void;
  /** One listener, called once when the guest has no more time to end by itself. */
  onGivenUp(listener: (() => void) | undefined): void;
}

export interface FunctionFace {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

/** The outside of a module: what an ABI needs to say whether it speaks to it. */
export interface ModuleFace {
  readonly imports: readonly {
    readonly module: string;
    readonly name: string;
    readonly kind: ExternKind;
    readonly type?: FunctionFace | undefined;
  }[];
  readonly exports: readonly {
    readonly name: string;
    readonly kind: ExternKind;
    readonly type?: FunctionFace | undefined;
  }[];
}

/** `reason` reads "Cannot run the module: rule: received …" and names everything at fault. */
export type AbiVerdict =
  | { readonly kind: 'speaks'; readonly entry: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'other' };

export interface Abi {
  /** As `inspect`, the log and the docs call it, e.g. `terrarium`. */
  readonly name: string;
  /** `other`: not this ABI's module. `refused`: it is, but it must not run, and why. */
  judge(face: ModuleFace): AbiVerdict;
  /** The same of a component; left out: none is of this ABI. */
  judgeComponent?(plan: ComponentPlan): AbiVerdict;
  /** `whole`: the body is read before the run, up to the limit. `streamed`: as the guest asks. */
  readonly requestBody: 'whole' | 'streamed';
  /** Whether a module with that entry can take part in a conversation; left out: none can. */
  converses?(entry: string): boolean;
  /**
   * Whether its guests answer requests for another protocol like any other, and may hand them to a
   * server; left out: where they do not converse they have none.
   */
  readonly takesUpgrades?: boolean;
  /** Left out: every program starts in each request, or as `prepare` has it. */
  readonly early?: EarlyRules | undefined;
  /**
   * Everything one instance needs; called once per instance, before it is instantiated. `component`
   * is there where it is one.
   */
  bind(host: GuestHost, component?: BoundComponent): Binding;
}

/** A component that is bound, and the entry that its verdict named. */
export interface BoundComponent {
  readonly plan: ComponentPlan;
  readonly entry: string;
}

/** i32, f32, f64 arrive as number, i64 as bigint. */
export type WasmValue = number | bigint;
export type HostcallResult = WasmValue | undefined;

export type GuestFunction = (...args: WasmValue[]) => HostcallResult;

/**
 * Calls the guest as the entry of a run that has the thread: what it has returned, or a promise of
 * that where it has not yet.
 */
export type CallEntry = (
  callee: GuestFunction,
  ...args: readonly WasmValue[]
) => HostcallResult | Promise<HostcallResult>;

/** One core module of a program, seen through bounds checks. */
export interface CoreFace {
  /** Its memory 0. Traps the guest when it exports no memory and none could be exposed. */
  readonly memory: GuestMemory;
  /** The export of that name when it is a function. */
  exportedFunction(name: string): GuestFunction | undefined;
  /** Entry `index` of table 0 when it is a function. */
  tableFunction(index: number): GuestFunction | undefined;
}

/** What the engine lends to a binding: one instance. Its own core is the one with the entry. */
export interface GuestHost extends CoreFace {
  /** CPU time that the run has used until now, in milliseconds. */
  readonly cpuMs: number;
  /** Core number `core` of the program. */
  core(core: number): CoreFace;
  /**
   * Calls the guest from inside a hostcall (its allocator). Memory may have grown afterwards. A
   * trap below it ends the run, whoever catches it. While it runs, the guest's own hostcalls trap,
   * and nobody else can have a turn: so it has some milliseconds.
   */
  callGuest(callee: GuestFunction, arg: WasmValue): HostcallResult;
  /**
   * Calls the guest on a stack of its own, on the run's next turn, beside the stacks that wait: it
   * may make hostcalls and be suspended like the entry. Not to be waited for by a hostcall without
   * `waits`. A trap below it ends the run, and the end of the run ends it: then this rejects.
   */
  callBeside(callee: GuestFunction, ...args: readonly WasmValue[]): Promise<HostcallResult>;
  /**
   * Makes calls of the guest for a hostcall with `waits` to yield (see `steps.ts`): they run on a
   * stack of their own, may make hostcalls and be suspended, and keep the run's turn.
   */
  nested(callee: GuestFunction): (...args: readonly WasmValue[]) => NestedCall;
  /**
   * Runs `work`, which calls the guest, on the run's next turn, beside the stacks that wait. What
   * it rejects with ends the run, and the end of the run ends it.
   */
  runBeside<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Lets go of the thread until `work` has settled and it is the run's turn again; not on a stack
   * of the guest's, where hostcalls wait. Rejects when the run is ended meanwhile.
   */
  wait<T>(work: Promise<T>): Promise<T>;
  /** Whether the run may go on without a wait that is over: its slice has not been used up. */
  mayGoOn(): boolean;
  /** Resolves when all that waits for the event loop has had its turn. */
  afterTurn(): Promise<void>;
  /** Ends the run as `trapped`; the reason goes to the log. The guest cannot catch it. */
  trap(reason: string, code?: TrapCode): never;
  /** Ends the run as `exited`. The guest cannot catch it. */
  exit(exitCode: number): never;
}

/**
 * What the host keeps in memory for a run beside the guest's own: bodies that it builds or has
 * fetched, files in /tmp. It is on the account of the run's owner.
 */
export interface HostMemory {
  /** Adds bytes; false, and nothing is added, where the owner may hold no more now. */
  tryHold(bytes: number): boolean;
  /**
   * The same for small objects of the host's, until the run ends: the collector that all guests of
   * a thread share looks through them one by one, so they are bounded as the guests' own are.
   */
  tryHoldObjects(bytes: number): boolean;
  /** Takes off what is kept no more; the end of the run takes off the rest. */
  release(bytes: number): void;
}

export interface Run {
  readonly exchange: Exchange;
  readonly capabilities: Capabilities;
  /** The whole body where the ABI asked for it, else empty. */
  readonly body: Uint8Array;
  /** Left out: nobody counts. */
  readonly hostMemory?: HostMemory | undefined;
  /** Instead of an answer; only for an ABI that `converses`. */
  readonly conversation?: Conversation;
}

/** What an initialisation may reach: nothing that depends on a request. */
export type EarlyCapabilities = Pick<Capabilities, 'clock' | 'timer' | 'fillRandom' | 'log'> &
  Partial<Pick<Capabilities, 'settings' | 'keyValue'>>;

/** How the entry ended. `returned` is also `exit(0)` where the ABI says so. */
export type RunEnd =
  | { readonly kind: 'returned' }
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'trapped'; readonly reason: string; readonly code?: TrapCode | undefined };

/** What visitors are told, where it is not the guest's own fault that it trapped. */
export type TrapCode = 'store-away';

/** One instance's side of an ABI. Serves many runs, one after another. */
export interface Binding {
  /**
   * Asked for each import of each core in the first instance of a program, and in every instance
   * when it first calls it: but for its function a hostcall is the same in all of them. Undefined:
   * there is no such hostcall.
   */
  hostcall(wanted: ImportName): Hostcall | undefined;
  /**
   * Takes an initialisation, until `release`: no request is there, and hostcalls that are about one
   * fail as the ABI has it. Left out: every hostcall traps.
   */
  prepare?(capabilities: EarlyCapabilities): void;
  /** Where the ABI has rules for it. */
  readonly early?: EarlyBinding | undefined;
  /** Takes the next run. Everything of the run before is forgotten. */
  begin(run: Run): void;
  /**
   * Runs the entry, where there is more to it than a call without parameters: by `call`, which
   * rejects when the guest trapped or was ended; so does this then. Undefined: it has ended.
   */
  enter?(call: CallEntry): Promise<unknown> | undefined;
  /** Whether it has `GuestHost.nested` call the guest, which keeps its turn meanwhile. */
  readonly nests?: boolean;
  /**
   * The client has gone: tells the guest, which then has `cancelGraceMs` to end. False, or left
   * out, where it does not listen.
   */
  cancel?(): boolean;
  /**
   * The entry ended: what has to be done before the answer may say so, without the guest. Left out,
   * or undefined, where there is nothing; what it rejects with takes the place of the answer.
   */
  settle?(end: RunEnd): Promise<void> | undefined;
  /**
   * The entry ended: answers the exchange if an answer is due. It may leave the exchange without
   * an answer only when `end` is not `returned`; the gateway then answers with the failure.
   */
  finish(end: RunEnd): void;
  /**
   * After `finish`, and also when the run was ended from outside without it: gives up pending
   * requests and drops all handles. Never throws.
   */
  release(): void;
}
