/** Opens what tells owners by files in their folders. Touches the state directory. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FactsParts, FeedbackFacts } from '../admin/feedback/facts.ts';
import { Feedback, type FeedbackOptions } from '../admin/feedback/feedback.ts';
import { OwnerLogs } from '../admin/feedback/owner-log.ts';
import type { Config } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import { TerrafirmaError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogRing } from '../journal/log-ring.ts';
import { ownerOf } from '../names.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import { SealingKeys } from '../outside/secrets/sealing-keys.ts';

export interface FeedbackParts
  extends Pick<FactsParts, 'certificates' | 'counters' | 'history' | 'hostNames'> {
  readonly config: Config;
  readonly publisher: Pick<Publisher, 'folders'>;
  readonly guards: MountGuards;
  readonly journal: Journal;
  readonly version: string;
  readonly sessionsOf: FeedbackOptions['sessionsOf'];
  readonly log: LogRing;
}

const nodeNamePattern = /^[a-z0-9-]{1,32}$/;

/** Undefined where the operator wants none, and where it could not be done safely. */
export function openFeedback(parts: FeedbackParts): Feedback | undefined {
  const { config, guards, journal, publisher, sessionsOf, version } = parts;
  const { feedback, folder, mounts, stateDirectory } = config;
  if (!feedback.isEnabled || process.platform !== 'linux') return undefined;
  const writable = new Set(mounts.flatMap((mount) => (mount.isWritable ? [mount.directory] : [])));
  const keys = new SealingKeys(stateDirectory, config.secrets.keyFile);
  return new Feedback({
    ...{ journal, publisher, sessionsOf, version },
    facts: new FeedbackFacts({ ...parts, nowMs: Date.now, sealingKey: () => publicKeyOf(keys) }),
    logs: new OwnerLogs(parts.log),
    fsOf: (mountDirectory, folderKey) => guards.fsOf(mountDirectory, ownerOf(folderKey)),
    // A folder that is served by its path is the operator's own: enabling is enough.
    isWritable: (mountDirectory) => folder !== undefined || writable.has(mountDirectory),
    node: feedback.nodeName ?? keptNodeName(stateDirectory),
    nowMs: Date.now,
  });
}

/** Undefined while its file cannot be read, of which the log tells. */
async function publicKeyOf(keys: SealingKeys): Promise<string | undefined> {
  try {
    return Buffer.from((await keys.newest()).publicKey).toString('base64url');
  } catch (error) {
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}

function keptNodeName(stateDirectory: string): string {
  const file = join(stateDirectory, 'node-name');
  try {
    const kept = readFileSync(file, 'utf8').trim();
    if (nodeNamePattern.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = randomBytes(4).toString('hex');
  writeFileSync(file, `${made}\n`, { mode: 0o600 });
  return made;
}
