/** What a folder has beside its functions: links that stand before them, stores under a name. */
import { html } from '../library/preact.js';
import { linkTo } from '../places.js';
import { Card, Facts } from './basics.js';

/** @param {{ site: any }} given */
export function Belongings({ site }) {
  const { folder, middleware = [], stores } = site ?? {};
  const { acls = [], backends = [], config = [], kv = [], secrets = [] } = stores ?? {};
  const named = (/** @type {readonly string[]} */ list) => list.join(', ');
  const rows = /** @type {(readonly [string, unknown, number])[]} */ ([
    ['Before other functions', chains(folder, middleware), middleware.length],
    ['Key-value stores', kv.map(storeLink(folder)), kv.length],
    ['Config stores', named(config), config.length],
    ['Secret stores', named(secrets), secrets.length],
    ['Lists of addresses', named(acls), acls.length],
    ['Back-ends', named(backends), backends.length],
  ])
    .filter(([, , many]) => many > 0)
    .map(([name, value]) => /** @type {const} */ ([name, value]));
  if (rows.length === 0) return null;
  return html`<${Card} title="Middleware and stores" wide><${Facts} rows=${rows} /><//>`;
}

/** @param {string} folder @param {readonly (readonly string[])[]} rules */
function chains(folder, rules) {
  return rules.map(
    (links, at) =>
      html`<div key=${at}>${links.map(
        (module, place) =>
          html`${place > 0 && ' → '}<a key=${module} href=${linkTo('function', folder, module)}
          >${module}</a>`,
      )}</div>`,
  );
}

/** @param {string} folder */
function storeLink(folder) {
  return (/** @type {string} */ name) =>
    html`<div key=${name}><a href=${linkTo('keys', folder, `store:${name}`)}>${name}</a></div>`;
}
