/** What an exchange is made of, beside its wire. */
import type { Header } from '../http/message.ts';
import type { ReadHead } from '../http/request-head.ts';
import type { ClientBytes } from './exchange-bytes.ts';
import type { IntakeTurns } from './intake-turns.ts';
import type { UpgradeRequest } from './websocket/upgrade.ts';

export interface ExchangeOptions {
  readonly bodyIdleTimeoutMs: number;
  readonly replyIdleTimeoutMs: number;
  /** Where the client asks for a WebSocket. */
  readonly upgrade?: UpgradeRequest | undefined;
  /** What clients make this thread hold; undefined: nobody counts. */
  readonly clientBytes?: ClientBytes | undefined;
  /** At which pace this thread takes bodies; undefined: as they come. */
  readonly intake?: IntakeTurns | undefined;
  /** On every answer that does not say otherwise; names in lower case. */
  readonly fixedHeaders?: readonly Header[] | undefined;
}

/** Which part of the path names the module is known only when it has been routed. */
export interface RoutableHead extends ReadHead {
  scriptName: string;
  pathInfo: string;
}
