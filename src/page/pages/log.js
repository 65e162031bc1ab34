/** The whole log, live, with filters; and all that is known of one request. */
import { get, queryOf } from '../api.js';
import { bytes, dateTime, duration } from '../format.js';
import { html, useState } from '../library/preact.js';
import { useLook } from '../live.js';
import { Card, Choice, Facts, FunctionLink, Shown } from '../parts/basics.js';
import { LogLines, visible } from '../parts/log-lines.js';
import { Phases } from '../parts/phases.js';
import { linkTo } from '../places.js';

const levels = { info: 'All', warn: 'Warnings', error: 'Errors' };
const fields = /** @type {const} */ ([
  ['folder', 'Folder', '/keybase/public/alice'],
  ['host', 'Host name', 'example.com'],
  ['module', 'Function', 'index.wasm'],
  ['status', 'Status', '404 or 5xx'],
]);

/** @param {{ query: URLSearchParams, isOwner: boolean }} given */
export function Log({ query, isOwner }) {
  const first = Object.fromEntries(fields.map(([name]) => [name, query.get(name) ?? '']));
  const [wanted, setWanted] = useState(first);
  const [filter, setFilter] = useState(first);
  const [level, setLevel] = useState(/** @type {keyof typeof levels} */ ('info'));
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    setFilter(wanted);
  };
  const shown = fields.filter(([name]) => !(isOwner && name === 'folder'));
  return html`<div class="title"><h1 tabindex="-1">Log</h1></div>
    <form class="filters" onSubmit=${apply}>
      ${shown.map(
        ([name, label, example]) => html`<label key=${name}>${label}
        <input value=${wanted[name]} placeholder=${example} onInput=${(/** @type {any} */ event) =>
          setWanted({ ...wanted, [name]: event.target.value.trim() })} /></label>`,
      )}
      <button type="submit">Filter</button>
      <${Choice} label="How important" value=${level} choices=${levels} onChange=${setLevel} />
    </form>
    <${Card} title="Lines" wide>
      <${LogLines} filter=${{ ...filter, ...(level === 'info' ? {} : { level }) }} tall />
    <//>`;
}

/** @param {{ id: string }} given */
export function RequestPage({ id }) {
  const { value, error } = useLook(
    () => get(`/v1/log${queryOf({ request: id, limit: 500 })}`),
    [id],
  );
  const { value: told } = useLook(() => get(`/v1/traces/${encodeURIComponent(id)}`), [id]);
  const lines = value?.lines ?? [];
  const record = lines.find((/** @type {any} */ line) => line.id === id);
  const guest = lines.filter((/** @type {any} */ line) => line !== record);
  return html`<div class="title"><h1 tabindex="-1">Request <code>${id}</code></h1></div>
    <${Shown} error=${error} isWaiting=${value === undefined}>
      ${
        lines.length === 0
          ? html`<p class="empty">The log that is kept has no line of it: it is too long ago, or
            still runs</p>`
          : html`<div class="grid">
            ${
              record &&
              html`<${Card} title="What became of it"><${Facts} rows=${factsOf(record)} /><//>
              <${Phases} record=${record} trace=${told?.trace} />`
            }
            <${Card} title="What the function wrote" wide>
              ${
                guest.length === 0
                  ? html`<p class="empty">Nothing</p>`
                  : html`<div class="log short" tabindex="0" role="region"
                    aria-label="What the function wrote">${guest.map(
                      (/** @type {any} */ line, /** @type {number} */ at) =>
                        html`<div class=${`line ${line.level}`} key=${at}>
                          <time>${line.time?.slice(11, 23)}</time>
                          <span class="level">${line.level}</span>
                          <span class="text">${visible(line.msg)}</span><span></span></div>`,
                    )}</div>`
              }
            <//>
          </div>`
      }
      <p class="below"><a href=${linkTo('log')}>Back to the log</a></p>
    <//>`;
}

/** @param {any} record @returns {(readonly [string, unknown])[]} */
function factsOf(record) {
  const { folderKey = null, modulePath = null } = record;
  const us = (/** @type {number | undefined} */ value) =>
    value === undefined ? '–' : duration(value / 1e3);
  return [
    ['When', dateTime(record.time)],
    ['Asked', `${record.method} ${visible(record.hostName)}${visible(record.path)}`],
    ['Answer', record.status],
    ['Ended', record.outcome],
    [
      'Function',
      folderKey === null ? '–' : FunctionLink({ folder: folderKey, module: modulePath }),
    ],
    ['Took', us(record.wallUs)],
    ['CPU', us(record.cpuUs)],
    ['Memory', bytes(record.memoryBytes)],
    ['Sent', bytes(record.bytesSent)],
    ['Received', bytes(record.bytesReceived)],
    ['Visitor', visible(record.clientAddress)],
    ['Version', record.digest === undefined ? '–' : html`<code>${record.digest}</code>`],
    ...(record.errorCode === undefined
      ? []
      : [/** @type {const} */ (['Why', `${record.errorCode}: ${visible(record.errorDetail)}`])]),
  ];
}
