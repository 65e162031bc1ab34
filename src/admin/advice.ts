/** What is wrong with a folder right now and what its owner can do about it, in sentences. Pure. */

import type { FolderLook } from '../deploy/folder/folder-look.ts';
import { stepForRefused } from '../doctor/refused-module.ts';

export interface Advice {
  /** As `terrafirma doctor` calls it. */
  readonly id: string;
  readonly text: string;
}

/** Sentences of ours may hold what strangers chose: cut as in the log. */
const textCharsMax = 500;
const adviceMax = 50;

export function adviceFor(look: FolderLook, notes: readonly Advice[] = []): readonly Advice[] {
  const { reason, site, state } = look;
  const advice: Advice[] = [];
  if (state === 'away') advice.push({ id: 'folder', text: reason ?? 'the folder is not there' });
  if (state === 'closed') {
    advice.push({ id: 'settings', text: `Nothing is served until this is mended: ${reason}` });
  }
  for (const [path, module] of site?.modules ?? []) {
    if (module.kind !== 'refused') continue;
    advice.push({ id: `module:${path}`, text: stepForRefused(path, module.error.detail) });
  }
  return [...advice, ...notes]
    .slice(0, adviceMax)
    .map(({ id, text }) => ({ id, text: text.slice(0, textCharsMax) }));
}
