/** What the daemon tells as it happens. Nothing is asked for while nobody looks at the page. */
import { useEffect, useRef, useState } from './library/preact.js';

const retryMs = 3_000;

/**
 * Keeps a stream of events open while the page is to be seen.
 *
 * @param {string} url
 * @param {Record<string, (data: any, id: string) => void>} listeners By the event's name.
 * @returns {'open' | 'waiting' | 'hidden'}
 */
export function useEvents(url, listeners) {
  const [state, setState] = useState(/** @type {'open' | 'waiting' | 'hidden'} */ ('waiting'));
  const newest = useRef(listeners);
  newest.current = listeners;
  useEffect(() => followEvents(url, newest, setState), [url]);
  return state;
}

/**
 * @param {string} url
 * @param {{ current: Record<string, (data: any, id: string) => void> }} listeners
 * @param {(state: 'open' | 'waiting' | 'hidden') => void} tell
 */
function followEvents(url, listeners, tell) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {number | undefined} */
  let retry;
  const stop = () => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const start = () => {
    stop();
    if (document.hidden) {
      tell('hidden');
      return;
    }
    source = new EventSource(url);
    source.addEventListener('open', () => tell('open'));
    source.addEventListener('error', () => {
      tell('waiting');
      // A browser gives up where it was answered with an error: streams may be full for a moment.
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(start, retryMs);
    });
    for (const name of Object.keys(listeners.current)) {
      source.addEventListener(name, (event) => {
        listeners.current[name]?.(JSON.parse(event.data), event.lastEventId);
      });
    }
  };
  document.addEventListener('visibilitychange', start);
  start();
  return () => {
    document.removeEventListener('visibilitychange', start);
    stop();
  };
}

/**
 * What `look` resolves to, looked at anew now and then while the page is to be seen; what is there
 * stays until the next is.
 *
 * @template T
 * @param {() => Promise<T>} look
 * @param {readonly unknown[]} inputs Looks at once when one of them has changed.
 * @param {number} [everyMs]
 * @returns {{ value: T | undefined, error: Error | undefined, again: () => void }}
 */
export function useLook(look, inputs, everyMs = 5_000) {
  const [seen, setSeen] = useState(
    /** @type {{ value: any, error: Error | undefined }} */ ({
      value: undefined,
      error: undefined,
    }),
  );
  const newest = useRef(look);
  newest.current = look;
  const again = useRef(() => undefined);
  useEffect(() => {
    setSeen({ value: undefined, error: undefined });
    let isOver = false;
    const run = async () => {
      if (document.hidden) return;
      try {
        const value = await newest.current();
        if (!isOver) setSeen({ value, error: undefined });
      } catch (error) {
        const told = error instanceof Error ? error : new Error(String(error));
        if (!isOver) setSeen((/** @type {any} */ last) => ({ value: last.value, error: told }));
      }
    };
    again.current = () => void run();
    void run();
    const timer = setInterval(() => void run(), everyMs);
    document.addEventListener('visibilitychange', run);
    return () => {
      isOver = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', run);
    };
  }, inputs);
  return { ...seen, again: () => again.current() };
}
