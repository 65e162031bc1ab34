/** Of several nodes that have copies of a folder: what becomes of a good file of the own one. */
import type { Verdict } from '../build/judge.ts';
import type { Fate } from '../common/common-modules.ts';
import type { FolderCommon } from '../common/folder-common.ts';
import type { KeptModules } from '../keep/kept-modules.ts';
import type { ListedFile } from '../look/scan.ts';

export type GoodVerdict = Extract<Verdict, { readonly kind: 'accepted' | 'known' }>;

export interface AgreementParts {
  readonly common: FolderCommon;
  readonly kept: KeptModules;
  /** Takes up what others have accepted. */
  readonly takeHeads: () => Promise<void>;
}

const serves: Fate = { kind: 'serves' };

/**
 * Where others have something newer, that is taken up.
 *
 * @throws TerrafirmaError `overloaded` while the others cannot be asked
 */
export async function agree(
  file: ListedFile,
  verdict: GoodVerdict,
  { common, kept, takeHeads }: AgreementParts,
): Promise<Fate> {
  const { path, stamp } = file;
  const digest = verdict.kind === 'known' ? verdict.digest : verdict.version.digest;
  // The content that was refused before is no version.
  if (verdict.kind === 'known' && !kept.digestsOf(path).includes(digest)) return serves;
  const fate = await common.modules.judge(file, verdict);
  if (fate.kind === 'serves') return fate;
  // Whoever waits for the verdict is to find what serves in its place.
  await takeHeads();
  const { note } = fate;
  if (note !== undefined && kept.record(path) !== undefined) {
    await kept.see(path, { digest, stamp, refusal: note });
  }
  return fate;
}
