/** Name resolution, by the daemon's own resolver on the control plane. */
import { Buffer } from 'node:buffer';
import type { Limits } from '../../config/config.ts';
import { type OwnerKey, ownerOf } from '../../names.ts';
import type { CapabilityDefinition, ControlWorld, ThreadLink } from '../definition.ts';
import type { Resolve } from './contract.ts';
import { RunResolve } from './resolve.ts';

interface ResolveSpeech {
  readonly question: ResolveQuestion;
  /** Of a name its addresses, of a message another. */
  readonly answer: readonly Uint8Array[] | Uint8Array;
}

/** For a guest of `owner`. */
export type ResolveQuestion =
  | {
      readonly kind: 'addresses';
      readonly name: string;
      readonly family: 4 | 6;
      readonly owner: OwnerKey;
    }
  | { readonly kind: 'message'; readonly query: Uint8Array; readonly owner: OwnerKey };

/** Asks for guests of one owner; joined where several ask the same. */
class LinkedResolve implements Resolve {
  readonly #link: ThreadLink<ResolveSpeech>;
  readonly #owner: OwnerKey;

  constructor(link: ThreadLink<ResolveSpeech>, owner: OwnerKey) {
    this.#link = link;
    this.#owner = owner;
  }

  async addresses(name: string, family: 4 | 6): Promise<readonly Uint8Array[]> {
    const question = { kind: 'addresses', name, family, owner: this.#owner } as const;
    const found = await this.#link.ask(question, `addresses ${family} ${name} ${this.#owner}`);
    return found instanceof Uint8Array ? [] : found;
  }

  async exchange(query: Uint8Array): Promise<Uint8Array> {
    const question = { kind: 'message', query, owner: this.#owner } as const;
    const text = Buffer.from(query).toString('base64');
    const message = await this.#link.ask(question, `message ${text} ${this.#owner}`);
    return message instanceof Uint8Array ? message : new Uint8Array(0);
  }
}

/** A thread's side: for each owner a way to the daemon's resolver. */
export class ResolveSide {
  readonly limits: Limits;
  readonly #link: ThreadLink<ResolveSpeech>;

  constructor(limits: Limits, link: ThreadLink<ResolveSpeech>) {
    this.limits = limits;
    this.#link = link;
  }

  forOwner(owner: OwnerKey): Resolve {
    return new LinkedResolve(this.#link, owner);
  }
}

export const resolveCapability: CapabilityDefinition<Resolve, ResolveSide, ResolveSpeech> = {
  openControl: ({ resolver }) => ({ answer: (question) => answerBy(resolver, question) }),
  openThread: ({ config }, link) => new ResolveSide(config.limits, link),
  lend: (side, { folderKey }) => new RunResolve(side.forOwner(ownerOf(folderKey)), side.limits),
};

function answerBy(
  resolver: ControlWorld['resolver'],
  question: ResolveQuestion,
): Promise<readonly Uint8Array[] | Uint8Array> {
  if (question.kind === 'message') return resolver.exchange(question.query, question.owner);
  return resolver.addresses(question.name, question.family, question.owner);
}
