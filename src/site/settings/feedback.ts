/** `[feedback]`: whether the daemon may tell the folder's owner how it is, by a file in it. */
import { type Kind, yesOrNo } from './kinds.ts';
import { maybe, type ReadFields, record } from './tables.ts';

const fields = {
  write: maybe(yesOrNo, 'The daemon may write .terrafirma/<node>/status.json, where it is allowed'),
  public: maybe(yesOrNo, 'Verdicts also where anybody may read the folder'),
} as const;

export type FeedbackSettings = ReadFields<typeof fields>;

export const feedback: Kind<FeedbackSettings> = record(fields);
