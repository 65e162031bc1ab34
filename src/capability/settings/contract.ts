/** What the owner has set, as a guest's ABI sees it. */

/** What the owner has set for one module; see `site/settings.ts`. */
export interface GuestSettings {
  /** Which module, by its path in the folder, without the leading `/`. */
  readonly modulePath: string;
  /** Names and values of the environment, the module's own before the site's. */
  readonly environment: ReadonlyMap<string, string>;
  /** `wws`: one JSON object in, one out. */
  readonly protocol: 'cgi' | 'wws';
  /** How a WebSocket's messages stand on the streams of a program; `off`: there is none. */
  readonly webSocket: 'lines' | 'frames' | 'off';
  /** Whether output without a header block is an answer, of plain text. */
  readonly isPlainTextAllowed: boolean;
  /** Whether the owner granted files of the folder by name. */
  readonly isGrantedFiles: boolean;
  /** What a handler of http-wasm is configured with; left out: nothing. */
  readonly configText?: string | undefined;
  /** After the program's name; undefined: what the request gives. */
  readonly arguments: readonly string[] | undefined;
}
