/**
 * What happens in one thread, told once and read by whoever wants it: the log today, counters and
 * an operator's view beside it. A reader may not throw, and may not keep anybody waiting.
 */
import type { Logger } from 'pino';
import { type EventKind, type EventLevel, type Events, eventRows } from './events.ts';

/** What a room needs of the journal. */
export interface Journal {
  tell<K extends EventKind>(kind: K, facts: Events[K]): void;
}

export interface JournalEvent {
  readonly kind: EventKind;
  readonly level: EventLevel;
  readonly text: string;
  readonly facts: Facts;
}

export type JournalReader = (event: JournalEvent) => void;

type Facts = Readonly<Record<string, unknown>>;

/** A journal that hands every event to its readers, in their order. */
export function openJournal(...readers: readonly JournalReader[]): Journal {
  return {
    tell(kind, facts) {
      const { level, text } = eventRows[kind];
      const sentence = typeof text === 'string' ? text : text(facts);
      const event: JournalEvent = { kind, level, text: sentence, facts: facts as Facts };
      for (const reader of readers) reader(event);
    },
  };
}

/** One line an event: its facts, its kind as `event`, its sentence as `msg`. */
export function logReader(logger: Pick<Logger, EventLevel>): JournalReader {
  return ({ kind, level, text, facts }) => logger[level]({ event: kind, ...facts }, text);
}
