/** One request on its road: what the stages learn of it. */
import type { ErrorRecord } from '../../errors.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { RequestSpans } from '../../journal/spans.ts';
import type { HostName } from '../../names.ts';
import type { Site } from '../../site/table.ts';
import type { Passage } from '../chain/passage.ts';
import type { HttpExchange } from '../exchange.ts';

export interface Visit {
  readonly exchange: HttpExchange;
  readonly record: RequestRecord;
  /** Undefined in folder mode. */
  hostName: HostName | undefined;
  /** Undefined until the host name is known to lead to one. */
  site: Site | undefined;
  /** The path that the visitor sees, as rules are written about it; undefined without rules. */
  shownPath: string | undefined;
  /** Of the folder's middleware; undefined before any. */
  passage?: Passage | undefined;
  /** What is seen of it, where it is traced. */
  readonly spans?: RequestSpans | undefined;
  /** What the run reports; there may be no answer then. */
  failure: ErrorRecord | undefined;
}
