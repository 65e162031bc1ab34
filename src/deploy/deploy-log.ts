/** Where the deploy road tells what it did; a pino logger has this shape. */
export interface DeployLog {
  info(fields: DeployFields, text: string): void;
  warn(fields: DeployFields, text: string): void;
  error(fields: DeployFields, text: string): void;
}

export type DeployFields = Readonly<Record<string, string | number | undefined>>;
