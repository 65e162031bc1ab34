/**
 * Reads all messages of some subjects once, by a consumer that is there for that alone. Edge: NATS.
 */
import { createInbox, type Msg } from '@nats-io/transport-node';
import { EngineError, type Link, NoAnswer } from './link.ts';

export interface Wanted {
  readonly stream: string;
  /** Subjects, as `tf.main.c.deploy.>`. */
  readonly filter: string;
  readonly isHeadersOnly: boolean;
}

type Listener = (message: Msg, sequence: number) => void;

const apiMs = 2_000;
/** Nothing arrives for so long: the reading has broken off. */
const silenceMs = 2_000;

/**
 * Calls `listener` with each message. Resolves to the highest sequence among them, 0 where there
 * are none; undefined: it broke off, and not all were told.
 */
export async function readSubjects(
  link: Link,
  wanted: Wanted,
  listener: Listener,
): Promise<number | undefined> {
  if (!link.isConnected) return undefined;
  const inbox = createInbox(link.inboxPrefix);
  const reading = new Reading(listener);
  const subscription = link.subscribe(inbox, (message) => reading.take(message));
  let consumer: string | undefined;
  try {
    const made = Object(await createConsumer(link, wanted, inbox));
    consumer = String(made.name);
    if (Number(made.num_pending) + Number(Object(made.delivered).consumer_seq) === 0) return 0;
    return await reading.ended();
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof EngineError) return undefined;
    throw error;
  } finally {
    subscription.unsubscribe();
    if (consumer !== undefined) void removeConsumer(link, wanted, consumer);
  }
}

/** One reading, until the engine says that nothing is left. */
class Reading {
  readonly #listener: Listener;
  readonly #end = Promise.withResolvers<number | undefined>();
  #sequence = 0;
  #expected = 1;
  #heardMs = performance.now();

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  take(message: Msg): void {
    this.#heardMs = performance.now();
    const position = positionOf(message.reply);
    if (position === undefined) return;
    // One was lost on the way: all of it is read again.
    if (position.delivered !== this.#expected) this.#end.resolve(undefined);
    this.#expected += 1;
    this.#sequence = Math.max(this.#sequence, position.sequence);
    this.#listener(message, position.sequence);
    if (position.left === 0) this.#end.resolve(this.#sequence);
  }

  async ended(): Promise<number | undefined> {
    const timer = setInterval(() => {
      if (performance.now() - this.#heardMs > silenceMs) this.#end.resolve(undefined);
    }, silenceMs / 4);
    try {
      return await this.#end.promise;
    } finally {
      clearInterval(timer);
    }
  }
}

function createConsumer(link: Link, wanted: Wanted, inbox: string): Promise<unknown> {
  const { filter, isHeadersOnly, stream } = wanted;
  const config = {
    deliver_subject: inbox,
    deliver_policy: 'all',
    filter_subject: filter,
    ack_policy: 'none',
    headers_only: isHeadersOnly,
    mem_storage: true,
    num_replicas: 1,
    max_deliver: 1,
    inactive_threshold: 30_000_000_000,
  };
  return link.ask(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config }, apiMs);
}

/** It ends by itself too, when nobody listens any more. */
async function removeConsumer(link: Link, { stream }: Wanted, consumer: string): Promise<void> {
  await link.ask(`CONSUMER.DELETE.${stream}.${consumer}`, undefined, apiMs).catch(() => undefined);
}

/** The reply subject of a delivery: docs.nats.io, "$JS.ACK". */
function positionOf(
  reply: string | undefined,
): { readonly sequence: number; readonly delivered: number; readonly left: number } | undefined {
  const tokens = reply?.split('.') ?? [];
  // Newer servers put two more in front, and one behind.
  const shift = tokens.length >= 11 ? 2 : 0;
  if (tokens.length < 9) return undefined;
  const at = (index: number): number => Number(tokens[index + shift]);
  return { sequence: at(5), delivered: at(6), left: at(8) };
}
