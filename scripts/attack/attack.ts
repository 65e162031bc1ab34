/** What an attack is: data and two functions, one file of `rows/` each. */

/** Where attackers put things before the daemon knows them. */
export interface Stage {
  /** Below it, `public/OWNER` is the folder of that owner. */
  readonly mountDirectory: string;
  /** Writes a file of the owner's folder, with the directories above it. */
  put(owner: string, path: string, content: string | Uint8Array): void;
  /** Makes `hostName` lead to the owner's folder, or to a directory below it. */
  name(hostName: string, owner: string, path?: string): void;
  /** Makes every name below `zone` unanswerable: its server stays silent. */
  silence(zone: string): void;
}

/** What the attacking process reaches. */
export interface Target {
  readonly port: number;
  /** Of HTTPS; 0 unless an attack needs it. */
  readonly tlsPort: number;
  readonly mountDirectory: string;
}

export interface Attack {
  /** Names the attack on the command line and in the table, e.g. `log-flood`. */
  readonly name: string;
  /** What the attacker does, in one line. */
  readonly what: string;
  /** Lays out the attackers' folders and names. */
  prepare(stage: Stage): Promise<void> | void;
  /** Attacks until `signal` is aborted, in a process of its own. Requests may fail. */
  attack(target: Target, signal: AbortSignal): Promise<void>;
  /** Settings of the daemon that the attack needs, as environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether the daemon listens for HTTPS, too, with a certificate for `mallory.example`. */
  readonly needsTls?: boolean;
  /** How fast the daemon's standard output is read; unbounded when left out. */
  readonly logBytesPerS?: number;
}
