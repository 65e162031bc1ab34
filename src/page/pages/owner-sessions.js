/** The browsers that are signed in to one folder, and what was done from them. */
import { change, get } from '../api.js';
import { ago, dateTime } from '../format.js';
import { html } from '../library/preact.js';
import { useLook } from '../live.js';
import { ActButton } from '../parts/actions.js';
import { Card, Table } from '../parts/basics.js';
import { visible } from '../parts/log-lines.js';

/** @param {{ session: any }} given */
export function OwnerSessions({ session }) {
  const { value, again } = useLook(() => get('/v1/session'), [], 10_000);
  const end = (/** @type {string} */ id) => async () => {
    await change('DELETE', `/v1/sessions/${id}`);
    if (id === session.id) location.reload();
    again();
    return 'The session has ended';
  };
  const columns = [
    {
      title: 'Session',
      cell: (/** @type {any} */ { id }) =>
        html`<code>${id}</code>${id === session.id && html`<span class="muted"> this one</span>`}`,
    },
    { title: 'From', cell: (/** @type {any} */ { address }) => address },
    { title: 'Since', cell: (/** @type {any} */ { startedAt }) => ago(startedAt) },
    { title: 'Last seen', cell: (/** @type {any} */ { seenAt }) => ago(seenAt) },
    {
      title: 'Action',
      cell: (
        /** @type {any} */ { id },
      ) => html`<${ActButton} label="End" name=${`End the session ${id}`}
        question=${id === session.id ? 'Sign this browser out?' : `End the session ${id}?`}
        act=${end(id)} />`,
    },
  ];
  return html`<div class="title"><h1 tabindex="-1">Sessions</h1></div>
    <div class="grid">
      <${Card} title=${`Browsers that are signed in to ${session.folder}`} wide>
        <${Table} label="Sessions" columns=${columns} rows=${value?.sessions ?? []}
          keyOf=${(/** @type {any} */ { id }) => id} />
      <//>
      <${Audit} />
    </div>`;
}

function Audit() {
  const { value } = useLook(() => get('/v1/log?event=owner-action&limit=100'), [], 10_000);
  const columns = [
    { title: 'When', cell: (/** @type {any} */ { time }) => dateTime(time) },
    { title: 'What', cell: (/** @type {any} */ { action }) => visible(action) },
    { title: 'To what', wraps: true, cell: (/** @type {any} */ { target }) => visible(target) },
    { title: 'Session', cell: (/** @type {any} */ { session }) => visible(session) },
  ];
  return html`<${Card} title="What was done from them" aside="as far as the log is kept" wide>
    <${Table} label="What was done" columns=${columns} rows=${[...(value?.lines ?? [])].reverse()}
      keyOf=${(/** @type {any} */ line) => `${line.time} ${line.target}`} />
  <//>`;
}
