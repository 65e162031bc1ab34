/**
 * What is kept of a folder after a look at whether it is still there. Pure. A file that was deleted
 * may come back tomorrow, a mount may be away for a week: so what is gone is first marked, and
 * taken back only when it has been gone for long.
 */
import type { FolderRecord } from './record.ts';

/** `unknown`: its mount is away, so nobody can say. */
export type FolderPresence = 'there' | 'gone' | 'unknown';

export interface Look {
  readonly presence: FolderPresence;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** How long something must have been gone. */
  readonly keptMs: number;
}

/** The record to keep: the same object when nothing changes, undefined when all of it may go. */
export function recordAfter(record: FolderRecord, look: Look): FolderRecord | undefined {
  const { presence, nowMs, keptMs } = look;
  const isLongGone = (goneAtMs: number | undefined): boolean =>
    goneAtMs !== undefined && nowMs - goneAtMs > keptMs;
  if (presence === 'gone') {
    if (record.goneAtMs === undefined) return { ...record, goneAtMs: nowMs };
    return isLongGone(record.goneAtMs) ? undefined : record;
  }
  const modules = [...record.modules].filter(([, module]) => !isLongGone(module.goneAtMs));
  const isBack = presence === 'there' && record.goneAtMs !== undefined;
  if (modules.length === record.modules.size && !isBack) return record;
  const { goneAtMs: _gone, ...rest } = record;
  return { ...(isBack ? rest : record), modules: new Map(modules) };
}
