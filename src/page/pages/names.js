/** Host names: their certificates, and what DNS says of them. */
import { change, get } from '../api.js';
import { ago, dateTime, span } from '../format.js';
import { html, useState } from '../library/preact.js';
import { useLook } from '../live.js';
import { ActButton } from '../parts/actions.js';
import { Badge, Card, Facts, Shown, Table } from '../parts/basics.js';
import { Findings } from '../parts/findings.js';
import { linkTo } from '../places.js';

const tones = /** @type {Record<string, 'good' | 'warn' | 'bad'>} */ ({
  good: 'good',
  due: 'warn',
  over: 'bad',
});

/** @param {{ name: string | undefined, folder?: string }} given `folder`: whose owner looks. */
export function Names({ name: chosen, folder }) {
  const own = useOwnNames(folder);
  const name = chosen ?? own[0];
  const [asked, setAsked] = useState('');
  const look = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (asked !== '') location.hash = linkTo('names', asked);
  };
  return html`<div class="title"><h1 tabindex="-1">Host names</h1></div>
    <form class="filters" onSubmit=${look}>
      <label>Host name <input value=${asked} placeholder="example.com"
        onInput=${(/** @type {any} */ event) => setAsked(event.target.value.trim())} /></label>
      <button type="submit">Show its record</button>
    </form>
    ${
      own.length > 1 &&
      html`<p class="muted">Yours: ${own.map(
        (each, at) =>
          html`${at > 0 && ', '}<a key=${each} href=${linkTo('names', each)}>${each}</a>`,
      )}</p>`
    }
    <div class="grid">
      ${name && html`<${Record} name=${name} /><${Findings} key=${name} name=${name} />`}
      <${Certificates} />
    </div>`;
}

const ownNamesShown = 20;

/** Those that lead to the folder, and those that it lists. @param {string | undefined} folder */
function useOwnNames(folder) {
  const { value } = useLook(
    () =>
      folder === undefined
        ? Promise.resolve(undefined)
        : get(`/v1/folders/${encodeURIComponent(folder)}`),
    [folder],
    60_000,
  );
  const names = /** @type {string[]} */ ([
    ...(value?.hostNames ?? []),
    ...(value?.listedHostNames ?? []),
  ]);
  return [...new Set(names)].slice(0, ownNamesShown);
}

/** @param {{ name: string }} given */
function Record({ name }) {
  const path = `/v1/dns/${encodeURIComponent(name)}`;
  const { value, error, again } = useLook(() => get(path), [path]);
  const refresh = async () => {
    const told = await change('POST', `${path}/refresh`);
    again();
    return told.state === 'found' ? `${name} leads to ${told.folder}` : told.error.detail;
  };
  const aside = html`<${ActButton} label="Ask DNS again"
    question=${`Ask for the record of ${name}?`}
    detail="What is remembered of it is forgotten, here and on every thread." act=${refresh} />`;
  /** @type {(readonly [string, unknown])[]} */
  const rows =
    value === undefined
      ? []
      : [
          ['State', value.state === 'unknown' ? 'nobody has asked for it lately' : value.state],
          ...(value.folder === undefined
            ? []
            : [
                /** @type {const} */ ([
                  'Folder',
                  html`<a href=${linkTo('site', value.folder)}>${value.folder}</a>`,
                ]),
              ]),
          ...(value.error === undefined
            ? []
            : [/** @type {const} */ (['Why', value.error.detail])]),
          ...(value.holdsForMs === undefined
            ? []
            : [/** @type {const} */ (['Remembered for', span(value.holdsForMs)])]),
        ];
  return html`<${Card} title=${`The record of ${name}`} aside=${aside} wide>
    <${Shown} error=${error} isWaiting=${value === undefined}><${Facts} rows=${rows} />
    <//>
  <//>`;
}

function Certificates() {
  const { value, error, again } = useLook(() => get('/v1/certificates?limit=500'), [], 10_000);
  const renew = (/** @type {string} */ host) => async () => {
    const told = await change('POST', `/v1/certificates/${encodeURIComponent(host)}/renew`);
    again();
    return told.renewed ? `${host} has a new certificate` : `Not renewed: ${told.reason}`;
  };
  const columns = [
    {
      title: 'Host name',
      wraps: true,
      cell: (/** @type {any} */ { host }) => html`<a href=${linkTo('names', host)}>${host}</a>`,
    },
    {
      title: 'State',
      cell: (/** @type {any} */ { state }) =>
        html`<${Badge} tone=${tones[state] ?? 'bad'}>${state}<//>`,
    },
    {
      title: 'Ends',
      cell: (/** @type {any} */ { notAfter }) =>
        html`<time title=${dateTime(notAfter)}>${ago(notAfter)}</time>`,
    },
    { title: 'Renewal', cell: (/** @type {any} */ { renewAt }) => ago(renewAt) },
    {
      title: 'Last error',
      wraps: true,
      cell: (/** @type {any} */ { lastError }) =>
        lastError ?? html`<span class="muted">none</span>`,
    },
    {
      title: 'Action',
      cell: (/** @type {any} */ { host }) => html`<${ActButton} label="Renew"
        name=${`Renew the certificate of ${host}`}
        question=${`Order a new certificate for ${host}?`}
        detail="Authorities allow few orders a week for one name." act=${renew(host)} />`,
    },
  ];
  return html`<${Card} title="Certificates" wide>
    ${error && html`<p class="trouble" role="alert">${error.message}</p>`}
    <${Table} label="Certificates" columns=${columns} rows=${value?.certificates ?? []}
      keyOf=${(/** @type {any} */ { host }) => host}
      empty=${value === undefined ? '…' : 'None: plain HTTP, or certificates of your own alone'} />
    ${(value?.own ?? []).map(
      (/** @type {any} */ { names, notAfter }) => html`<p class="muted" key=${names.join()}>
        Your own: ${names.join(', ')}, ends ${ago(notAfter)}</p>`,
    )}
  <//>`;
}
