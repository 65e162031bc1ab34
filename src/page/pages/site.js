/** One folder: its names, its functions, how they were in the last hour. */
import { get, pathOf, queryOf } from '../api.js';
import { marksOf, secondsOf } from '../daemon-live.js';
import { bytes, duration, percent, rate } from '../format.js';
import { html, useMemo } from '../library/preact.js';
import { useLook } from '../live.js';
import { Badge, Card, Facts, Shown, Table } from '../parts/basics.js';
import { Belongings } from '../parts/belongings.js';
import { CpuPlot } from '../parts/cpu-plot.js';
import { LogLines } from '../parts/log-lines.js';
import { Plot } from '../parts/plot.js';
import { Schedules } from '../parts/schedules.js';
import { linkTo } from '../places.js';
import { FolderState } from './sites.js';

/** @param {{ folder: string }} given */
export function Site({ folder }) {
  const { value, error } = useLook(() => get(`/v1/folders/${pathOf(folder)}`), [folder]);
  return html`<div class="title">
      <h1 tabindex="-1">${folder}</h1>
      ${value && html`<${FolderState} state=${value.state} />`}
    </div>
    <${Shown} error=${value === undefined ? error : undefined} isWaiting=${value === undefined}>
      ${value?.reason && html`<p class="trouble">${value.reason}</p>`}
      <div class="grid">
        <${Plots} folder=${folder} />
        <${Functions} folder=${folder} modules=${value?.modules ?? []} />
        <${Schedules} folder=${folder} cron=${value?.cron ?? []} />
        <${Belongings} site=${value} />
        <${About} site=${value} />
        <${Card} title="Log, live" wide
          aside=${html`<a href=${`${linkTo('log')}${queryOf({ folder })}`}>All of it</a>`}>
          <${LogLines} filter=${{ folder }} />
        <//>
      </div>
    <//>`;
}

/** @param {{ folder: string, module?: string }} given */
export function Plots({ folder, module }) {
  const query = queryOf({ of: 'module', folder, module });
  const { value } = useLook(() => get(`/v1/history${query}`), [query], 10_000);
  const { value: told } = useLook(
    () => get(`/v1/deploys${queryOf({ folder, module })}`),
    [query],
    10_000,
  );
  const marks = useMemo(() => marksOf(told?.deploys ?? []), [told]);
  const { times, requests, latency } = useMemo(() => linesOf(value), [value]);
  return html`<${Card} title="Requests and errors" aside="a second, the last hour">
      <${Plot} label="Requests and errors a second" ...${{ times, marks }} lines=${requests}
        spanS=${3_600} show=${rate} />
    <//>
    <${Card} title="How long requests take"
        aside=${module === undefined ? 'the slowest function' : '▼ deployed  ✕ refused'}>
      <${Plot} label="Duration of requests" ...${{ times, marks }} lines=${latency}
        spanS=${3_600} isWide show=${duration} />
    <//>
    <${CpuPlot} folder=${folder} module=${module} marks=${marks} seconds=${3_600} />`;
}

/** @param {any} told */
function linesOf(told) {
  const { times, series } = told === undefined ? { times: [], series: {} } : secondsOf(told);
  const stepS = told?.stepS ?? 1;
  const perSecond = (/** @type {any[]} */ values = []) => values.map((value) => value / stepS);
  return {
    times,
    requests: [
      { label: 'Requests', color: 'requests', values: perSecond(series.requests) },
      { label: 'Errors', color: 'errors', values: perSecond(series.errors) },
    ],
    latency: [
      { label: 'p50', color: 'p50', values: series.p50Ms ?? [] },
      { label: 'p99', color: 'p99', values: series.p99Ms ?? [] },
    ],
  };
}

/** @param {{ folder: string, modules: readonly any[] }} given */
function Functions({ folder, modules }) {
  const { value } = useLook(
    () => get(`/v1/top${queryOf({ of: 'module', windowS: 3_600, limit: 500, folder })}`),
    [folder],
    10_000,
  );
  const used = new Map((value?.rows ?? []).map((/** @type {any} */ row) => [row.module, row]));
  const rows = modules.map((module) => ({ ...module, used: used.get(module.module) }));
  const columns = [
    {
      title: 'Function',
      wraps: true,
      cell: (/** @type {any} */ { module }) =>
        html`<a href=${linkTo('function', folder, module)}>${module}</a>`,
    },
    { title: 'Verdict', cell: Verdict },
    { title: 'ABI', cell: (/** @type {any} */ { abi }) => abi ?? '–' },
    {
      title: 'Size',
      number: true,
      cell: (/** @type {any} */ { versions }) =>
        bytes(versions.find((/** @type {any} */ one) => one.isServing)?.bytes),
    },
    { title: 'Requests', number: true, cell: (/** @type {any} */ row) => row.used?.requests ?? 0 },
    { title: 'Errors', number: true, cell: (/** @type {any} */ row) => row.used?.errors ?? 0 },
    { title: 'p99', number: true, cell: (/** @type {any} */ row) => duration(row.used?.p99Ms) },
    {
      title: 'CPU',
      number: true,
      cell: (/** @type {any} */ row) => percent(row.used?.cpuShare ?? 0),
    },
  ];
  return html`<${Card} title="Functions" aside="the last hour" wide>
    <${Table} label="Functions" columns=${columns} rows=${rows}
      keyOf=${(/** @type {any} */ { module }) => module}
      empty="The folder has no functions: put a module such as index.wasm into it" />
  <//>`;
}

/** @param {any} module */
export function Verdict({ verdict, isLink, isPinned, refusal }) {
  if (verdict === 'refused') return html`<${Badge} tone="bad">refused<//>`;
  if (verdict === 'gone') return html`<${Badge} tone="idle">gone<//>`;
  if (isPinned) return html`<${Badge} tone="warn">rolled back<//>`;
  if (refusal !== null) return html`<${Badge} tone="warn">older version<//>`;
  if (isLink) return html`<${Badge} tone="good">stands before<//>`;
  return html`<${Badge} tone="good">serving<//>`;
}

/** @param {{ site: any }} given */
function About({ site }) {
  const { directory, hostNames, listedHostNames, owner, isJudged } = site;
  const names = (/** @type {readonly string[]} */ list) =>
    list.length === 0
      ? html`<span class="muted">none lately</span>`
      : list.map(
          (name) => html`<div key=${name}><a href=${linkTo('names', name)}>${name}</a></div>`,
        );
  /** @type {(readonly [string, unknown])[]} */
  const rows = [
    ['Host names', names(hostNames ?? [])],
    ['Names that it lists', listedHostNames === null ? 'all are welcome' : names(listedHostNames)],
    ['Owner', owner ?? '–'],
    ['Judged', isJudged === false ? 'not all of it yet' : 'all that is there'],
    ...(directory === undefined ? [] : [/** @type {const} */ (['Directory', directory])]),
  ];
  return html`<${Card} title="About it" wide><${Facts} rows=${rows} /><//>`;
}
