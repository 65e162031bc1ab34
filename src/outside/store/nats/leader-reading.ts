/**
 * Reads all messages of some subjects from the leader of their stream, one question for each: for
 * whoever removes what is not among them. A consumer (`stream-reading.ts`) is ten times as fast,
 * but lies on any server that has the stream, which may be one that still catches up. Edge: NATS.
 */
import { EngineError, type Link } from './link.ts';

export interface Message {
  readonly data: Buffer;
  readonly sequence: number;
  /** Milliseconds since the Unix epoch. */
  readonly storedAtMs: number;
}

const apiMs = 5_000;
const notFoundCode = 10_037;

/** In the order of their sequences. Rejects where not all could be read. */
export async function* readAtLeader(
  link: Link,
  { filter, stream }: { readonly filter: string; readonly stream: string },
): AsyncGenerator<Message> {
  for (let next = 1; ; ) {
    const message = await messageAtLeader(link, stream, { seq: next, next_by_subj: filter });
    if (message === undefined) return;
    yield message;
    next = message.sequence + 1;
  }
}

/** Undefined: there is none. */
export async function messageAtLeader(
  link: Link,
  stream: string,
  question: object,
): Promise<Message | undefined> {
  try {
    const answer = await link.ask(`STREAM.MSG.GET.${stream}`, question, apiMs);
    const { data, seq, time } = Object(Object(answer).message);
    return {
      data: Buffer.from(String(data ?? ''), 'base64'),
      sequence: Number(seq),
      storedAtMs: Date.parse(String(time)),
    };
  } catch (error) {
    if (error instanceof EngineError && error.code === notFoundCode) return undefined;
    throw error;
  }
}
