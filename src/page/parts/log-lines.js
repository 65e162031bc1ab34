/**
 * The log as it is written. Each text becomes a text node, whatever stands in it: a line with
 * markup is a line with markup; what steers terminals was taken out where the line was made, and
 * is made visible here where it was not.
 */
import { get, queryOf } from '../api.js';
import { clock, counted } from '../format.js';
import { html, useEffect, useRef, useState } from '../library/preact.js';
import { useEvents } from '../live.js';
import { linkTo } from '../places.js';

const linesKept = 500;
const linesBefore = 100;
/** Lines gather for so long: five hundred a second are still one drawing in four tenths. */
const gatherMs = 400;

/** @param {{ filter: Record<string, string>, tall?: boolean }} given */
export function LogLines({ filter, tall = false }) {
  const [lines, setLines] = useState(/** @type {readonly any[]} */ ([]));
  const [isHeld, setIsHeld] = useState(false);
  const gathered = useRef(/** @type {any[]} */ ([]));
  const query = queryOf(filter);
  const { box, isAtEnd, onScroll } = useEnd(lines);
  useEffect(() => {
    gathered.current = [];
    setLines([]);
    let isOver = false;
    get(`/v1/log${queryOf({ ...filter, limit: linesBefore })}`)
      .then(
        (told) =>
          !isOver && setLines((/** @type {any} */ now) => [...numbered(told.lines), ...now]),
      )
      .catch((error) => !isOver && setLines(numbered([{ level: 'error', msg: error.message }])));
    return () => {
      isOver = true;
    };
  }, [query]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (isHeld || gathered.current.length === 0) return;
      const fresh = gathered.current.splice(0);
      setLines((/** @type {any} */ now) => [...now, ...fresh].slice(-linesKept));
    }, gatherMs);
    return () => clearInterval(timer);
  }, [isHeld, query]);
  const keep = (/** @type {any} */ line) => {
    gathered.current.push(...numbered([line]));
    gathered.current.splice(0, gathered.current.length - linesKept);
  };
  const state = useEvents(`/v1/events${queryOf({ ...filter, topics: 'log' })}`, {
    line: keep,
    gap: ({ bytes, events }) => keep({ isGap: true, bytes, events }),
  });
  return html`<div class="log-bar">
      <span class=${`live ${state}`}>${stateWords[isHeld ? 'held' : state]}</span>
      <button type="button" class="small" aria-pressed=${isHeld}
        onClick=${() => setIsHeld(!isHeld)}>${isHeld ? 'Go on' : 'Hold'}</button>
    </div>
    <div class=${tall ? 'log tall' : 'log'} ref=${box} onScroll=${onScroll} tabindex="0"
        role="log" aria-live="off" aria-label="Lines of the log">
      ${lines.length === 0 && html`<p class="empty">No line yet that fits</p>`}
      ${lines.map((/** @type {any} */ line) => html`<${Line} key=${line.key} line=${line} />`)}
    </div>
    <span class="hidden">${isAtEnd ? '' : 'Scrolled back'}</span>`;
}

const stateWords = /** @type {Record<string, string>} */ ({
  open: '● live',
  waiting: '○ connecting',
  hidden: '○ waits while hidden',
  held: '❙❙ held',
});

const keys = { last: 0 };

/** @param {readonly any[]} lines */
function numbered(lines) {
  return lines.map((line) => {
    keys.last += 1;
    return { ...line, key: keys.last };
  });
}

/** Follows the end while the reader is there. @param {readonly any[]} lines */
function useEnd(lines) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [isAtEnd, setIsAtEnd] = useState(true);
  useEffect(() => {
    if (isAtEnd && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  const onScroll = () => {
    if (box.current === null) return;
    const { clientHeight, scrollHeight, scrollTop } = box.current;
    setIsAtEnd(scrollHeight - scrollTop - clientHeight < 24);
  };
  return { box, isAtEnd, onScroll };
}

/** @param {{ line: any }} given */
function Line({ line }) {
  if (line.isGap) {
    const { bytes: missed, events = 0 } = line;
    const what = missed === undefined ? counted(events, 'line') : counted(missed, 'byte');
    return html`<div class="line gap">${what} more, written faster than could be read</div>`;
  }
  const { level = 'info', time, msg, status, method, path, hostName, modulePath, outcome } = line;
  const id = line.id ?? line.requestId;
  const isRequest = status !== undefined && method !== undefined;
  return html`<div class=${`line ${level}`}>
    <time>${time === undefined ? '' : clock(time)}</time>
    <span class="level">${level}</span>
    <span class="text">
      ${
        isRequest
          ? html`<b>${status}</b> ${method} ${visible(hostName)}${visible(path)}
            <span class="muted"> ${outcome} ${modulePath ?? ''}</span>`
          : html`${modulePath && html`<span class="muted">${visible(modulePath)} </span>`}
            ${visible(msg)}
            <span class="muted"> ${visible(detailOf(line))}</span>`
      }
    </span>
    ${
      id === undefined
        ? html`<span></span>`
        : html`<a class="id" href=${linkTo('request', id)}>${id}</a>`
    }
  </div>`;
}

/** @param {any} line */
function detailOf({ action, errorDetail, reason, target }) {
  return reason ?? errorDetail ?? (action === undefined ? '' : `${action} ${target}`);
}

/** Controls, and what turns the direction of a text around, as pictures of themselves.
 * @param {unknown} text */
export function visible(text) {
  if (text === undefined || text === null) return '';
  return String(text).replace(
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu,
    (sign) => {
      const code = sign.codePointAt(0) ?? 0;
      if (code < 0x20) return String.fromCodePoint(0x2400 + code);
      return `\\u{${code.toString(16)}}`;
    },
  );
}
