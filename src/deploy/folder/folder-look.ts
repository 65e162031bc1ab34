/** What is to be seen of a folder in use, for whoever operates the daemon. Pure. */
import type { TerrafirmaError } from '../../errors.ts';
import type { FolderKey } from '../../names.ts';
import type { Site } from '../../site/table.ts';

export interface FolderLook {
  readonly folderKey: FolderKey;
  readonly directory: string;
  /** `closed`: its own rules cannot be read, so nothing is served; `opening`: not known yet. */
  readonly state: 'served' | 'away' | 'closed' | 'opening';
  /** Why it is away or closed. */
  readonly reason: string | undefined;
  /** Everything that is there has been judged. */
  readonly isJudged: boolean;
  readonly serving: number;
  readonly refused: number;
  readonly site: Site | undefined;
}

export function lookAt(
  folderKey: FolderKey,
  seen: {
    readonly directory: string;
    readonly site: Site | undefined;
    readonly awayReason: TerrafirmaError | undefined;
    readonly isJudged: boolean;
  },
): FolderLook {
  const { awayReason, directory, isJudged, site } = seen;
  const modules = [...(site?.modules.values() ?? [])];
  const serving = modules.filter(({ kind }) => kind === 'serving').length;
  const refused = modules.length - serving;
  const common = { folderKey, directory, isJudged, serving, refused, site };
  if (awayReason !== undefined) return { ...common, state: 'away', reason: awayReason.message };
  if (site === undefined) return { ...common, state: 'opening', reason: undefined };
  const { failure } = site;
  if (failure !== undefined) return { ...common, state: 'closed', reason: failure.detail };
  return { ...common, state: 'served', reason: undefined };
}
