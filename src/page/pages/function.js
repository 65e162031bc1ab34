/** One function: its verdict and why, its versions with the way back, its limits, its log. */
import { change, get, pathOf } from '../api.js';
import { ago, bytes, count, dateTime, duration, shortDigest } from '../format.js';
import { html } from '../library/preact.js';
import { useLook } from '../live.js';
import { ActButton } from '../parts/actions.js';
import { Badge, Card, Facts, Shown, Table } from '../parts/basics.js';
import { LogLines } from '../parts/log-lines.js';
import { linkTo } from '../places.js';
import { Plots, Verdict } from './site.js';

/** @param {{ folder: string, module: string }} given */
export function FunctionPage({ folder, module }) {
  const path = `/v1/folders/${pathOf(folder)}/modules/${pathOf(module)}`;
  const { value, error, again } = useLook(() => get(path), [path]);
  const told = value?.module;
  return html`<div class="title">
      <h1 tabindex="-1"><a class="muted" href=${linkTo('site', folder)}>${folder}/</a>${module}</h1>
      ${told && html`<${Verdict} ...${told} />`}
    </div>
    <${Shown} error=${told === undefined ? error : undefined} isWaiting=${told === undefined}>
      ${told && html`<${Why} module=${told} />`}
      <div class="grid">
        <${Plots} folder=${folder} module=${module} />
        ${told && html`<${Versions} path=${path} module=${told} again=${again} />`}
        ${told && html`<${About} folder=${folder} module=${told} />`}
        <${Card} title="Log, live" wide><${LogLines} filter=${{ folder, module }} /><//>
      </div>
    <//>`;
}

const olderServes = 'The newest file was refused; the last good version serves';

/** Why the file as it is now does not serve, and what does. @param {{ module: any }} given */
function Why({ module }) {
  const { error, refusal, verdict } = module;
  const why = error?.detail ?? (typeof refusal === 'string' ? refusal : refusal?.detail);
  if (why === undefined) return null;
  const served = verdict === 'serving';
  return html`<div class="why" role="note">
    <strong>${served ? olderServes : 'The file was refused'}</strong>
    <p>${why}</p>
    <p class="muted">Put a corrected file in its place: it is judged as soon as it is there.</p>
  </div>`;
}

/** @param {{ path: string, module: any, again: () => void }} given */
function Versions({ path, module, again }) {
  const rollBack = (/** @type {any} */ version) => async () => {
    await change('POST', `${path}/rollback`, { digest: version.digest });
    again();
    return `${module.module} serves version ${shortDigest(version.digest)} again`;
  };
  const unpin = async () => {
    await change('DELETE', `${path}/rollback`);
    again();
    return `${module.module} serves its newest version`;
  };
  const columns = [
    {
      title: 'Version',
      cell: (/** @type {any} */ { digest }) =>
        html`<code title=${digest}>${shortDigest(digest)}</code>`,
    },
    {
      title: 'State',
      cell: (/** @type {any} */ { isQuarantined, isServing }) =>
        isQuarantined
          ? html`<${Badge} tone="bad">quarantined<//>`
          : isServing
            ? html`<${Badge} tone="good">serving<//>`
            : html`<${Badge} tone="idle">kept<//>`,
    },
    { title: 'ABI', cell: (/** @type {any} */ { abi }) => abi },
    { title: 'Size', number: true, cell: (/** @type {any} */ version) => bytes(version.bytes) },
    {
      title: 'Accepted',
      cell: (/** @type {any} */ { acceptedAt }) =>
        html`<time datetime=${acceptedAt} title=${dateTime(acceptedAt)}>${ago(acceptedAt)}</time>`,
    },
    {
      title: 'Action',
      cell: (/** @type {any} */ version) =>
        version.isServing || version.isQuarantined
          ? null
          : html`<${ActButton} label="Roll back"
              name=${`Roll back to ${shortDigest(version.digest)}`}
              question=${`Let version ${shortDigest(version.digest)} serve?`}
              detail="It serves at once, and stays until you unpin it or roll back again."
              act=${rollBack(version)} />`,
    },
  ];
  const aside =
    module.isPinned &&
    html`<${ActButton} label="Unpin" question="Let the newest good version serve?"
      detail="New files serve again as soon as they are accepted." act=${unpin} />`;
  return html`<${Card} title="Versions" aside=${aside} wide>
    <${Table} label="Versions" columns=${columns} rows=${module.versions}
      keyOf=${(/** @type {any} */ { digest }) => digest} empty="No version was accepted yet" />
  <//>`;
}

const limitWords = /** @type {Record<string, string>} */ ({
  cpuMs: 'CPU time of a run',
  wallMs: 'Time of a run',
  memoryBytes: 'Memory',
  requestBodyBytes: 'Body of a request',
  runs: 'Runs at once, a thread',
});

/** @param {{ folder: string, module: any }} given */
function About({ folder, module }) {
  const { ceilings, grants, limits } = module;
  const rows = Object.entries(ceilings).map(([name, ceiling]) =>
    limitRow(name, limits[name], Number(ceiling)),
  );
  return html`<${Card} title="Limits"><${Facts} rows=${rows} /><//>
    <${Card} title="What it may reach"
        aside=${html`<a href=${linkTo('keys', folder, module.module)}>Its keys</a>`}>
      <${Facts} rows=${Object.entries(grants).map(([name, value]) => [name, grantWords(value)])} />
      ${Object.keys(grants).length === 0 && html`<p class="empty">As the daemon's settings say</p>`}
    <//>`;
}

/**
 * What holds, and what was asked for where that is more.
 *
 * @param {string} name @param {number | undefined} own @param {number} ceiling
 * @returns {readonly [string, unknown]}
 */
function limitRow(name, own, ceiling) {
  const show = (/** @type {number} */ value) =>
    name.endsWith('Bytes') ? bytes(value) : name.endsWith('Ms') ? duration(value) : count(value);
  const label = limitWords[name] ?? name;
  if (own === undefined)
    return [label, html`${show(ceiling)} <small class="muted">the daemon's</small>`];
  if (own <= ceiling)
    return [label, html`${show(own)} <small class="muted">of at most ${show(ceiling)}</small>`];
  return [
    label,
    html`${show(ceiling)} <small class="muted">asks for ${show(own)}, has the daemon's</small>`,
  ];
}

/** @param {unknown} value */
function grantWords(value) {
  if (Array.isArray(value)) return value.length === 0 ? 'nowhere' : value.join(', ');
  if (value === true) return 'yes';
  return value === false ? 'no' : typeof value === 'object' ? JSON.stringify(value) : String(value);
}
