/** A listener for plain HTTP, and the bytes that come back from it taken apart. */

import { defaultLimits, type Limits } from '../../src/config/config.ts';
import { toErrorRecord } from '../../src/errors.ts';
import type { RequestRecord } from '../../src/journal/request-record.ts';
import { systemClocks } from '../../src/serve/clocks.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { Listener } from '../../src/serve/listener.ts';
import { failureHead } from '../../src/serve/road/failure.ts';

export const BYTES_MAX = 1_000;

export interface PlainListener extends AsyncDisposable {
  readonly port: number;
  readonly rejected: RequestRecord[];
  readonly exchanges: HttpExchange[];
  readonly listener: Listener;
  /** What was told of connections that could not be accepted. */
  readonly troubles: Error[];
}

/** A listener that reads the body and answers with its length, unless `serve` does otherwise. */
export async function listenPlainly(
  limits: Partial<Limits> = {},
  serve: (exchange: HttpExchange) => Promise<void> = answerLength,
): Promise<PlainListener> {
  const rejected: RequestRecord[] = [];
  const exchanges: HttpExchange[] = [];
  const troubles: Error[] = [];
  const listener = new Listener({
    clocks: systemClocks,
    limits: { ...defaultLimits, ...limits },
    serve: async (exchange) => {
      exchanges.push(exchange);
      try {
        await serve(exchange);
      } catch (error) {
        const { head, body } = failureHead(toErrorRecord(error));
        if (exchange.replyState === 'none') exchange.send(head, body);
        else exchange.abort();
      }
    },
    onRejected: (record) => rejected.push(record),
    onTrouble: (error) => troubles.push(error),
  });
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 }, false);
  const dispose = (): Promise<void> => listener.drain(0);
  return { port, rejected, exchanges, listener, troubles, [Symbol.asyncDispose]: dispose };
}

async function answerLength(exchange: HttpExchange): Promise<void> {
  const body = await exchange.readBody(BYTES_MAX);
  exchange.send({ status: 200, headers: [] }, Buffer.from(`${body.length}`));
}

export interface RawAnswer {
  readonly status: number;
  /** As on the wire, from the status line to the empty line. */
  readonly head: string;
  readonly body: string;
  /** Whether the body ended as its head said. */
  readonly isWhole: boolean;
}

/** Takes the bytes of a connection apart. Throws at what is no answer. */
export function parseAnswers(raw: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = raw;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) [^\r\n]+\r\n/.exec(rest)?.[1];
    if (end === -1 || status === undefined) throw new Error(`no answer: ${rest.slice(0, 200)}`);
    const head = rest.slice(0, end + 4);
    const { body, isWhole, taken } = parseBody(head, rest.slice(head.length));
    answers.push({ status: Number(status), head, body, isWhole });
    rest = rest.slice(head.length + taken);
  }
  return answers;
}

function parseBody(head: string, rest: string) {
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
  if (length !== undefined) {
    const body = rest.slice(0, Number(length));
    return { body, isWhole: body.length === Number(length), taken: body.length };
  }
  if (/^HTTP\/1\.1 1/.test(head)) return { body: '', isWhole: true, taken: 0 };
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(head)) {
    return { body: rest, isWhole: true, taken: rest.length };
  }
  let body = '';
  let at = 0;
  for (;;) {
    const size = /^([\da-f]+)\r\n/i.exec(rest.slice(at, at + 20));
    if (size === null) return { body, isWhole: false, taken: rest.length };
    const bytes = Number.parseInt(size[1] ?? '', 16);
    at += size[0].length;
    if (bytes === 0) return { body, isWhole: true, taken: at + 2 };
    body += rest.slice(at, at + bytes);
    at += bytes + 2;
  }
}
