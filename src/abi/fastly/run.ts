/**
 * What one run of a guest has: the request that it answers, the objects it holds by numbers, and
 * whatever a family of hostcalls keeps besides.
 */
import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import type { Exchange, Run } from '../abi.ts';
import { HandleSpace, HandleTable } from '../handles.ts';
import { Body, type BodyOptions } from '../objects/body.ts';
import type { SourceBody } from '../objects/contents.ts';
import type { HeaderLimits } from '../objects/headers.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { RequestObject, ResponseObject } from '../objects/messages.ts';
import { PendingSet } from '../objects/pending.ts';

/** What a family of hostcalls keeps of a run. */
export type FamilyState = object & {
  /** The run is over. Never throws. */
  release?(): void;
};

/** Makes it; the function itself is its name. */
export type FamilyMaker<T extends FamilyState> = (run: FastlyRun) => T;

/** 0xFFFFFFFE, which guests take for no handle, is far beyond what the tables give out. */
export const noHandle = 0xffff_fffe;
/** Guests have been seen to take 0 for none. */
const firstHandle = 1;

export class FastlyRun {
  readonly exchange: Exchange;
  readonly capabilities: Capabilities;
  readonly limits: Limits;
  /** Bytes of bodies and heads. */
  readonly held: HeldForRun;
  readonly headerLimits: HeaderLimits;
  /** Tables are made when they are first asked for. */
  #requests: HandleTable<RequestObject> | undefined;
  #responses: HandleTable<ResponseObject> | undefined;
  #items: HandleSpace | undefined;
  #bodies: HandleTable<Body> | undefined;
  /** Given up at the end. */
  readonly underWay = new PendingSet();
  /** Why the answer that the guest gave could not be sent. */
  answerFailure: unknown;
  /** The body of the answer, where the guest still writes it. */
  answerBody: Body | undefined;
  /** Made for the first: most guests use few families. */
  #states: Map<FamilyMaker<FamilyState>, FamilyState> | undefined;

  constructor({ exchange, capabilities, hostMemory }: Run, limits: Limits) {
    this.exchange = exchange;
    this.capabilities = capabilities;
    this.limits = limits;
    this.held = new HeldForRun(hostMemory, limits.memoryBytesMax);
    this.headerLimits = {
      linesMax: limits.replyHeadersMax,
      bytesMax: limits.replyHeaderBytesMax,
    };
  }

  get requests(): HandleTable<RequestObject> {
    this.#requests ??= this.#open('request');
    return this.#requests;
  }

  get responses(): HandleTable<ResponseObject> {
    this.#responses ??= this.#open('response');
    return this.#responses;
  }

  /**
   * The numbers that bodies, requests under way, operations of stores and the like have in common,
   * because they can be waited for together. Who adds a kind opens a table for it.
   */
  get items(): HandleSpace {
    const handlesMax = this.limits.fastlyHandlesPerRunMax;
    this.#items ??= new HandleSpace({ firstHandle, handlesMax, holder: this.held });
    return this.#items;
  }

  get bodies(): HandleTable<Body> {
    this.#bodies ??= this.items.open('body');
    return this.#bodies;
  }

  /** What a family keeps of this run, made when it is first asked for. */
  of<T extends FamilyState>(maker: FamilyMaker<T>): T {
    const known = this.#states?.get(maker);
    if (known !== undefined) return known as T;
    const made = maker(this);
    this.#states ??= new Map();
    this.#states.set(maker, made);
    return made;
  }

  get bodyOptions(): BodyOptions {
    return { held: this.held, headerLimits: this.headerLimits };
  }

  newRequest(): RequestObject {
    return RequestObject.blank(this.headerLimits);
  }

  newResponse(): ResponseObject {
    return ResponseObject.blank(this.headerLimits);
  }

  newBody(source?: SourceBody): Body {
    return source === undefined ? new Body(this.bodyOptions) : Body.of(source, this.bodyOptions);
  }

  /** All of it is given up. Never throws. */
  release(): void {
    this.underWay.giveUpAll();
    if (this.#states !== undefined) for (const state of this.#states.values()) state.release?.();
    if (this.#bodies !== undefined) for (const body of this.#bodies.values()) body.abandon();
    this.held.close();
  }

  #open<T extends object>(kind: string): HandleTable<T> {
    const handlesMax = this.limits.fastlyHandlesPerRunMax;
    return new HandleTable({ kind, firstHandle, handlesMax, holder: this.held });
  }
}
