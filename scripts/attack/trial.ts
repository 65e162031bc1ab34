/** One trial: Alice without the attack, under it, and what is left afterwards. */
import { Alice, type Experience, ownerKey } from './alice.ts';
import type { Attack } from './attack.ts';
import { barsFor, type Measured } from './bars.ts';
import { withPrecedence } from './precedence.ts';
import { type AttackedDaemon, Attacker, AttackStage } from './stage.ts';
import { TurnSession } from './turns/session.ts';
import { WaitSession } from './waits/session.ts';
import type { Watching } from './watching/session.ts';

const BASELINE_MS = 5_000;
const SAMPLE_MS = 100;
/** Memory may come back so slowly. */
const RECOVERY_MS = 60_000;
/** The attack goes on while the daemon is asked to end. */
const BEFORE_END_MS = 2_000;
const STOP_PATIENCE_MS = 60_000;
/** The bars' bound of memory is set, so that a large machine measures the same. */
const ALICES_ENVIRONMENT = {
  TERRAFIRMA_LOG_FORMAT: 'json',
  TERRAFIRMA_PROCESS_MEMORY_BYTES_MAX: String(2 * 1024 ** 3),
};

export interface TrialOptions {
  readonly seconds: number;
  /**
   * Also tells what the threads' turns were spent on, or where Alice's requests waited: these lines
   * come with what was measured.
   */
  readonly watches: 'turns' | 'waits' | undefined;
}

function openWatching(watches: TrialOptions['watches']): Watching | undefined {
  if (watches === 'turns') return new TurnSession();
  return watches === 'waits' ? new WaitSession(ownerKey) : undefined;
}

export async function runTrial(
  attacks: readonly Attack[],
  options: TrialOptions,
): Promise<Measured & { readonly seen: readonly string[] }> {
  using watching = openWatching(options.watches);
  await using stage = await AttackStage.open();
  const alice = new Alice(stage);
  for (const attack of attacks) await attack.prepare(stage);
  await using daemon = await stage.start({
    environment: Object.assign(
      { ...ALICES_ENVIRONMENT, ...watching?.environment },
      ...attacks.map((one) => one.environment),
    ),
    needsTls: attacks.some((one) => one.needsTls === true),
    ...slowestReader(attacks),
  });
  await alice.settle(daemon.port);
  const baseline = () => alice.live(daemon.port, AbortSignal.timeout(BASELINE_MS));
  const without = await withPrecedence(baseline);
  const residentStartBytes = daemon.residentBytes();
  const watch = new ResidentWatch(daemon);
  const ms = options.seconds * 1_000;
  const during = await attackAlice({ alice, daemon, stage, attacks, ms, watching });
  const residentEndBytes =
    options.watches !== undefined
      ? daemon.residentBytes()
      : await recover(daemon, residentStartBytes, attacks.length);
  watch.stop();
  const hasDied = daemon.end !== undefined;
  const attackers = hasDied ? [] : attacks.map((attack) => attackerOf(attack, { daemon, stage }));
  await pause(BEFORE_END_MS);
  const drainMs = await daemon.stop(STOP_PATIENCE_MS);
  await Promise.all(attackers.map((attacker) => attacker.stop()));
  const residentMaxBytes = watch.maxBytes;
  return {
    ...{ without, during, residentStartBytes, residentMaxBytes, residentEndBytes },
    ...{ drainMs, hasDied, seen: during.seen },
  };
}

async function attackAlice(parts: {
  readonly alice: Alice;
  readonly daemon: AttackedDaemon;
  readonly stage: AttackStage;
  readonly attacks: readonly Attack[];
  readonly ms: number;
  readonly watching: Watching | undefined;
}): Promise<Experience & { readonly seen: readonly string[] }> {
  const { alice, daemon, attacks } = parts;
  await parts.watching?.prepare();
  const attackers = attacks.map((attack) => attackerOf(attack, parts));
  parts.watching?.begin({
    daemon: daemon.pid,
    ...Object.fromEntries(attackers.map(({ pid }, number) => [`attacker${number + 1}`, pid])),
  });
  const during = await withPrecedence(() => alice.live(daemon.port, AbortSignal.timeout(parts.ms)));
  const seen = (await parts.watching?.end(during)) ?? [];
  const idle = attacks.filter((_, number) => attackers[number]?.isRunning === false);
  await Promise.all(attackers.map((attacker) => attacker.stop()));
  if (idle.length > 0 && daemon.end === undefined) {
    throw new Error(`Cannot measure: ${idle[0]?.name} must attack until it is stopped: it ended`);
  }
  return { ...during, seen };
}

function attackerOf(
  attack: Attack,
  place: { readonly daemon: AttackedDaemon; readonly stage: AttackStage },
): Attacker {
  const { mountDirectory } = place.stage;
  const { port, tlsPort } = place.daemon;
  return new Attacker(attack, { port, tlsPort, mountDirectory });
}

/** The resident size when it is back within the bar, or after a minute. */
async function recover(
  daemon: AttackedDaemon,
  startBytes: number,
  attacks: number,
): Promise<number> {
  const deadlineMs = performance.now() + RECOVERY_MS;
  const wantedBytes = startBytes * barsFor(attacks).residentEndFactorMax;
  while (daemon.residentBytes() > wantedBytes && performance.now() < deadlineMs) {
    await pause(SAMPLE_MS);
  }
  return daemon.residentBytes();
}

class ResidentWatch {
  readonly #timer: NodeJS.Timeout;
  maxBytes = 0;

  constructor(daemon: AttackedDaemon) {
    this.#timer = setInterval(() => {
      this.maxBytes = Math.max(this.maxBytes, daemon.residentBytes());
    }, SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function slowestReader(attacks: readonly Attack[]): { readonly logBytesPerS?: number } {
  const rates = attacks.map((one) => one.logBytesPerS).filter((rate) => rate !== undefined);
  return rates.length === 0 ? {} : { logBytesPerS: Math.min(...rates) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
