/** How the copies of the streams are, by what the engine says of them. */

/** A stream of the engine, on the servers that have a copy of it. */
export interface StreamState {
  readonly stream: string;
  readonly keys: number;
  readonly bytes: number;
  /** Undefined where only one server has it. */
  readonly leader: string | undefined;
  /** That have all of it, the leader's among them. */
  readonly wholeCopies: number;
  readonly late: readonly LateCopy[];
}

export interface LateCopy {
  readonly server: string;
  /** Writes that it has not got; undefined where it says nothing any more. */
  readonly behind: number | undefined;
}

/** What is asked. */
interface Asked {
  openWithin(
    limitMs: number,
    reason: () => string,
  ): Promise<{ readonly streams: readonly string[] }>;
  ask(api: string): Promise<unknown>;
}

/** Copies say that they are there every second. */
const silentNsMax = 3_000_000_000;

/**
 * Of all streams of the installation. Rejects with StoreError.
 *
 * @param reason What is in the way where the engine is not reached within `limitMs`.
 */
export async function readStreams(
  engine: Asked,
  limitMs: number,
  reason: () => string,
): Promise<readonly StreamState[]> {
  const { streams } = await engine.openWithin(limitMs, reason);
  return Promise.all(
    streams.map(async (stream) =>
      readStreamState(stream, await engine.ask(`STREAM.INFO.${stream}`)),
    ),
  );
}

/** @param info As the engine answers `STREAM.INFO`. */
export function readStreamState(stream: string, info: unknown): StreamState {
  const { cluster, state } = Object(info);
  const { messages, bytes } = Object(state);
  const { leader, replicas = [] } = Object(cluster);
  const others: readonly Readonly<Record<string, unknown>>[] = replicas.map(Object);
  const late = others.filter((each) => !isWhole(each));
  return {
    stream,
    keys: Number(messages),
    bytes: Number(bytes),
    leader: leader === undefined ? undefined : String(leader),
    wholeCopies: 1 + others.length - late.length,
    late: late.map((each) => ({
      server: String(each.name),
      behind: isSilent(each) ? undefined : Number(each.lag ?? 0),
    })),
  };
}

/** The engine calls a copy current for ten seconds after its server has died. */
function isWhole(copy: Readonly<Record<string, unknown>>): boolean {
  return copy.current === true && !isSilent(copy);
}

function isSilent({ active, offline }: Readonly<Record<string, unknown>>): boolean {
  return offline === true || Number(active) > silentNsMax;
}
