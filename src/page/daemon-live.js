/** How the daemon is and was: one picture for all pages, kept up to date by one stream. */
import { get } from './api.js';
import { createContext, useEffect, useRef, useState } from './library/preact.js';
import { useEvents } from './live.js';

/**
 * @typedef {{ times: number[], series: Record<string, (number | null)[]> }} Seconds
 * @typedef {{ status: any, seconds: Seconds, deploys: readonly any[], state: string }} DaemonLive
 */

const secondsKept = 300;

/** @type {Seconds} */
const noSeconds = { times: [], series: {} };
export const Live = createContext(
  /** @type {DaemonLive} */ ({
    ...{ status: undefined, seconds: noSeconds, deploys: [], state: 'waiting' },
  }),
);

/** @returns {DaemonLive} */
export function useDaemonLive() {
  const [status, setStatus] = useState(/** @type {any} */ (undefined));
  const [seconds, setSeconds] = useState(noSeconds);
  const [deploys, setDeploys] = useState(/** @type {readonly any[]} */ ([]));
  const [isBehind, setBehind] = useState(false);
  const isReading = useRef(false);
  /** Where it cannot be read the page says that it waits; the next event asks again. */
  const readAll = async () => {
    if (isReading.current) return;
    isReading.current = true;
    try {
      const [history, told] = await Promise.all([
        get('/v1/history?of=daemon&stepS=1'),
        get('/v1/deploys'),
      ]);
      setSeconds(secondsOf(history));
      setDeploys(told.deploys);
      setBehind(false);
    } catch {
      setBehind(true);
    } finally {
      isReading.current = false;
    }
  };
  useEffect(() => void readAll(), []);
  const state = useEvents('/v1/events?topics=metrics,deploys', {
    metrics(told) {
      setStatus(told);
      setSeconds((/** @type {Seconds} */ last) => {
        const next = append(last, told);
        if (next === undefined || isBehind) void readAll();
        return next ?? last;
      });
    },
    deploy: () => void readAll(),
    gap: () => undefined,
  });
  return { status, seconds, deploys, state: isBehind ? 'waiting' : state };
}

/** @param {any} history @returns {Seconds} */
export function secondsOf({ endsAt, stepS, series }) {
  const length = series.requests?.length ?? 0;
  const end = Date.parse(endsAt) / 1e3;
  const times = Array.from({ length }, (_, at) => end - (length - 1 - at) * stepS);
  return { times, series };
}

/** Undefined where seconds are missing between what is there and what came. @param {any} told */
function append(/** @type {Seconds} */ last, told) {
  const end = told.endsAtMs / 1e3;
  const before = last.times.at(-1);
  if (before === undefined) return undefined;
  const fresh = Math.round(end - before);
  if (fresh <= 0) return last;
  const there = told.series.requests.length;
  if (fresh > there) return undefined;
  const times = Array.from({ length: fresh }, (_, at) => end - (fresh - 1 - at));
  const series = Object.fromEntries(
    Object.entries(told.series).map(([name, values]) => [
      name,
      [...(last.series[name] ?? []), ...values.slice(there - fresh)].slice(-secondsKept),
    ]),
  );
  return { times: [...last.times, ...times].slice(-secondsKept), series };
}

/** The deploys as marks of a plot. @param {readonly any[]} deploys */
export function marksOf(deploys) {
  return deploys.map(({ time, event, module, folder }) => ({
    at: Date.parse(time) / 1e3,
    label: `${folder}/${module}: ${words[event] ?? event}`,
    isBad: event === 'module-refused' || event === 'module-not-judged',
  }));
}

const words = /** @type {Record<string, string>} */ ({
  'module-published': 'deployed',
  'module-refused': 'refused',
  'module-not-judged': 'could not be judged',
  'module-removed': 'removed',
  'module-rolled-back': 'rolled back',
});
