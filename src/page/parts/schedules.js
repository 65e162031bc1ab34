/** A folder's schedules: when they come next, how they went, and running one now. */
import { change, get, pathOf, queryOf } from '../api.js';
import { ago, dateTime } from '../format.js';
import { html } from '../library/preact.js';
import { useLook } from '../live.js';
import { linkTo } from '../places.js';
import { ActButton } from './actions.js';
import { Badge, Card, Table } from './basics.js';

const endsShown = 10;

/** @param {{ folder: string, cron: readonly any[] }} given */
export function Schedules({ folder, cron }) {
  const { value, again } = useLook(
    () => get(`/v1/log${queryOf({ event: 'cron-ran', folder, limit: endsShown })}`),
    [folder],
    10_000,
  );
  if (cron.length === 0) return null;
  const run =
    (/** @type {any} */ { at, module, schedule }) =>
    async () => {
      const path = `/v1/folders/${pathOf(folder)}/cron/run`;
      const { outcome, status } = await change('POST', path, { at, module, schedule });
      again();
      return `${module} answered ${status}, ${outcome}`;
    };
  const columns = [
    { title: 'Schedule', cell: (/** @type {any} */ row) => html`<code>${row.schedule}</code>` },
    { title: 'Time zone', cell: (/** @type {any} */ row) => row.timezone },
    { title: 'Calls', wraps: true, cell: (/** @type {any} */ row) => `${row.module}${row.path}` },
    {
      title: 'Next',
      cell: (/** @type {any} */ { next }) =>
        next === null ? 'never again' : html`<time title=${dateTime(next)}>${ago(next)}</time>`,
    },
    { title: 'If missed', cell: (/** @type {any} */ row) => row.missed },
    {
      title: 'Action',
      cell: (/** @type {any} */ row) => html`<${ActButton} label="Run now"
        name=${`Run now: ${row.module}`} question=${`Run ${row.module} now?`}
        detail="On top of its times: none of them is taken away by it." act=${run(row)} />`,
    },
  ];
  const lines = [...(value?.lines ?? [])].reverse();
  return html`<${Card} title="Schedules" wide>
    <${Table} label="Schedules" columns=${columns} rows=${cron.map((row, at) => ({ ...row, at }))}
      keyOf=${(/** @type {any} */ { at }) => String(at)} />
    <h3>How they went</h3>
    <${Table} label="How they went" columns=${endColumns} rows=${lines}
      keyOf=${(/** @type {any} */ line) => `${line.time} ${line.requestId}`}
      empty="None has run since the log begins" />
  <//>`;
}

const endColumns = [
  { title: 'When', cell: (/** @type {any} */ { time }) => dateTime(time) },
  { title: 'Called', wraps: true, cell: (/** @type {any} */ line) => line.modulePath },
  {
    title: 'End',
    cell: (/** @type {any} */ { outcome, status }) =>
      html`<${Badge} tone=${status < 500 ? 'good' : 'bad'}>${status} ${outcome}<//>`,
  },
  {
    title: 'Request',
    cell: (/** @type {any} */ { requestId }) =>
      html`<a href=${linkTo('request', requestId)}>${requestId}</a>`,
  },
];
