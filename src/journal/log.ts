/** Where a room tells what it did; a pino logger has this shape. */
export interface JournalLog {
  info(fields: LogFields, text: string): void;
  warn(fields: LogFields, text: string): void;
  error(fields: LogFields, text: string): void;
}

export type LogFields = Readonly<Record<string, string | number | undefined>>;
