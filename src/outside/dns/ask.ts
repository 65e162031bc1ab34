/**
 * One question to the DNS servers and what they answer, whole: an answer that is only an alias is
 * followed to where it leads. Edge: DNS, by `exchange.ts`.
 */
import type { Endpoint, Limits } from '../../config/config.ts';
import { TerrafirmaError, type TerrafirmaErrorOptions } from '../../errors.ts';
import { quoteReceived } from '../../names.ts';
import { exchangeMessage } from './exchange.ts';
import {
  type Answer,
  type DnsQuestion,
  encodeQuery,
  MalformedMessageError,
  rcodeOf,
  readAnswer,
} from './wire.ts';

export interface AskOptions {
  readonly servers: readonly Endpoint[];
  readonly limits: Pick<Limits, 'dnsTimeoutMs' | 'dnsAttemptsMax'>;
  /** For all of it. */
  readonly budgetMs: number;
}

/** A name's records, or that it has none, from servers that worked. */
export type Records = Extract<Answer, { kind: 'found' | 'empty' }>;

/** Enough for any record we use. A stranger's zone may answer more, which is not decoded. */
const replyBytesMax = 16_384;
const nameCharsMax = 253;
/** Questions for one name. Servers that know the other end of an alias say it at once. */
const questionsMax = 8;

/**
 * @throws TerrafirmaError `dns-timeout` when no server said anything, `dns-failed` when none said
 * anything useful or the aliases have no end.
 */
export async function askForRecords(question: DnsQuestion, options: AskOptions): Promise<Records> {
  const endsAtMs = performance.now() + options.budgetMs;
  let { name } = question;
  let ttlS = Number.POSITIVE_INFINITY;
  for (let questions = 0; questions < questionsMax; questions += 1) {
    if (!isAskable(name)) return { kind: 'empty', isNoName: true, ttlS: undefined };
    const budgetMs = Math.max(1, endsAtMs - performance.now());
    const answer = await askOnce({ ...question, name }, { ...options, budgetMs });
    if (answer.kind !== 'alias') {
      return answer.ttlS === undefined ? answer : { ...answer, ttlS: Math.min(ttlS, answer.ttlS) };
    }
    ttlS = Math.min(ttlS, answer.ttlS);
    name = answer.target;
  }
  throw failed(`more than ${questionsMax} aliases in a row`, question);
}

/** An alias may lead to any bytes: those that are shown as others would make another name of it. */
function isAskable(name: string): boolean {
  return name !== '' && name.length <= nameCharsMax && !name.includes('\\');
}

async function askOnce(
  question: DnsQuestion,
  options: AskOptions,
): Promise<Exclude<Answer, { kind: 'failed' }>> {
  const { limits, servers, budgetMs } = options;
  let answer: Answer | undefined;
  let malformed: MalformedMessageError | undefined;
  const reply = await exchangeMessage(encodeQuery(question), {
    servers,
    timeoutMs: limits.dnsTimeoutMs,
    attemptsMax: limits.dnsAttemptsMax,
    budgetMs,
    replyBytesMax: replyBytesMax,
    isUsable: (received) => {
      try {
        answer = readAnswer(received, question);
        return answer.kind !== 'failed';
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error;
        malformed = error;
        return false;
      }
    },
  });
  if (answer !== undefined && answer.kind !== 'failed') return answer;
  if (malformed !== undefined) throw failed(malformed.message, question);
  const dnsRcode = rcodeOf(reply);
  throw failed(`the servers answered with code ${dnsRcode}`, question, { dnsRcode });
}

function failed(
  reason: string,
  { type, name }: DnsQuestion,
  options?: TerrafirmaErrorOptions,
): TerrafirmaError {
  const detail = `Cannot look up the name: ${reason}: asked for ${type} of ${quoteReceived(name)}`;
  return new TerrafirmaError('dns-failed', detail, options);
}
