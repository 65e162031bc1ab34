/** All folders in use: which names lead to them, and how they are. */
import { get, queryOf } from '../api.js';
import { count } from '../format.js';
import { html, useState } from '../library/preact.js';
import { useLook } from '../live.js';
import { Badge, Card, Choice, Table } from '../parts/basics.js';
import { linkTo } from '../places.js';

const which = { all: 'All', wrong: 'With troubles' };
const pageRows = 200;

export function Sites() {
  const [only, setOnly] = useState(/** @type {keyof typeof which} */ ('all'));
  const [find, setFind] = useState('');
  const [cursor, setCursor] = useState('');
  const query = queryOf({ only: only === 'all' ? '' : only, find, cursor, limit: pageRows });
  const { value, error } = useLook(() => get(`/v1/folders${query}`), [query], 10_000);
  const begin = (/** @type {() => void} */ change) => {
    setCursor('');
    change();
  };
  return html`<div class="title"><h1 tabindex="-1">Sites</h1></div>
    <div class="filters">
      <label>Find <input type="search" value=${find} placeholder="folder or host name"
        onInput=${(/** @type {any} */ event) => begin(() => setFind(event.target.value))} /></label>
      <${Choice} label="Which sites" value=${only} choices=${which}
        onChange=${(/** @type {any} */ choice) => begin(() => setOnly(choice))} />
    </div>
    <${Card} title="Folders in use" wide>
      ${error && html`<p class="trouble" role="alert">${error.message}</p>`}
      <${Table} label="Folders in use" columns=${columns} rows=${value?.folders ?? []}
        keyOf=${(/** @type {any} */ { folder }) => folder}
        empty=${value === undefined ? '…' : 'No folder is in use: somebody must visit it first'} />
      ${
        (cursor !== '' || value?.cursor) &&
        html`<div class="buttons">
        ${
          cursor !== '' &&
          html`<button type="button" onClick=${() => setCursor('')}>First page</button>`
        }
        ${
          value?.cursor &&
          html`<button type="button" onClick=${() => setCursor(value.cursor)}>Next page</button>`
        }
      </div>`
      }
    <//>`;
}

const columns = [
  {
    title: 'Folder',
    wraps: true,
    cell: (/** @type {any} */ { folder }) => html`<a href=${linkTo('site', folder)}>${folder}</a>`,
  },
  {
    title: 'State',
    cell: (/** @type {any} */ { state }) => FolderState({ state }),
  },
  {
    title: 'Host names',
    wraps: true,
    cell: (/** @type {any} */ { hostNames }) =>
      hostNames.length === 0 ? html`<span class="muted">–</span>` : hostNames.join(', '),
  },
  {
    title: 'Functions',
    number: true,
    cell: (/** @type {any} */ { modules }) => count(modules.serving),
  },
  {
    title: 'Refused',
    number: true,
    cell: (/** @type {any} */ { modules }) =>
      modules.refused === 0 ? '0' : html`<${Badge} tone="bad">${count(modules.refused)}<//>`,
  },
];

const tones = /** @type {Record<string, 'good' | 'bad' | 'idle' | 'warn'>} */ ({
  served: 'good',
  away: 'warn',
  closed: 'bad',
  opening: 'idle',
  idle: 'idle',
});

/** @param {{ state: string }} given */
export function FolderState({ state }) {
  return html`<${Badge} tone=${tones[state] ?? 'idle'}>${state}<//>`;
}
