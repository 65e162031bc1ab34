/**
 * The priority in front of a line by which systemd's journal, and whatever reads as syslog does,
 * knows how important it is (sd-daemon(3)). Pure.
 */

const priorities: Readonly<Record<string, number>> = {
  trace: 7,
  debug: 7,
  info: 6,
  warn: 4,
  error: 3,
  fatal: 2,
};

/** Lines of the log begin with their level. */
const level = /^\{"level":"([a-z]+)"/;
const unknown = 6;

export function withPriority(line: string): string {
  const [, name = ''] = level.exec(line) ?? [];
  return `<${priorities[name] ?? unknown}>${line}`;
}

/**
 * Whether the journal reads what is written there: it names its stream in JOURNAL_STREAM by device
 * and inode (systemd.exec(5)), which others inherit whose output goes elsewhere.
 */
export function isJournal(
  journalStream: string | undefined,
  { dev, ino }: { readonly dev: number | bigint; readonly ino: number | bigint },
): boolean {
  return journalStream === `${dev}:${ino}`;
}
