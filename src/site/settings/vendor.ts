/** `[fastly]`: what a folder says in place of the vendor's cloud, beside its `fastly.toml`. */
import { choice, type Kind, yesOrNo } from './kinds.ts';
import { maybe, record } from './tables.ts';

export interface VendorAnswers {
  /** Whether the fields `x-fastly-bot-…` of a request say which robot asks. */
  readonly botFields?: boolean;
  /** What the inspection of a request answers; left out: there is none. */
  readonly inspection?: 'allow';
}

export const vendorAnswers: Kind<VendorAnswers> = record({
  botFields: maybe(yesOrNo, 'Whether fields of a request say which robot asks; default false'),
  inspection: maybe(choice(['allow']), 'What the inspection of a request answers; default none'),
});
