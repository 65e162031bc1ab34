/** What a function has stored: looked at, changed and deleted, one key at a time. */
import { change, get, getBytes, pathOf, putBytes, queryOf } from '../api.js';
import { bytes, count } from '../format.js';
import { html, useContext, useState } from '../library/preact.js';
import { useLook } from '../live.js';
import { ActButton, Say } from '../parts/actions.js';
import { Card, Choice, Shown, Table } from '../parts/basics.js';
import { linkTo } from '../places.js';

const shownBytesMax = 64 * 1024;
const forms = { text: 'Text', json: 'JSON', hex: 'Hex' };
const encoder = new TextEncoder();

/** @param {{ folder: string, module: string }} given */
export function Keys({ folder, module }) {
  const path = `/v1/kv/${pathOf(folder, module)}`;
  const [prefix, setPrefix] = useState('');
  const [cursor, setCursor] = useState('');
  const [chosen, setChosen] = useState('');
  const query = queryOf({ prefix: encodeKey(encoder.encode(prefix)), cursor, limit: 100 });
  const { value, error, again } = useLook(() => get(`${path}${query}`), [path, query], 10_000);
  const columns = [
    {
      title: 'Key',
      wraps: true,
      cell: (/** @type {any} */ { key }) => html`<button type="button" class="link"
        aria-pressed=${key === chosen} onClick=${() => setChosen(key)}>${keyText(key)}</button>`,
    },
    { title: 'Size', number: true, cell: (/** @type {any} */ row) => bytes(row.bytes) },
    { title: 'Revision', number: true, cell: (/** @type {any} */ row) => count(row.revision) },
  ];
  return html`<div class="title"><h1 tabindex="-1">Keys of${' '}
      <a href=${ownerOf(folder, module)}>${module}</a></h1></div>
    <div class="filters"><label>Keys that begin with <input value=${prefix}
      onInput=${(/** @type {any} */ event) => {
        setCursor('');
        setPrefix(event.target.value);
      }} /></label></div>
    <div class="grid">
      <${Card} title="Keys" wide=${chosen === ''}>
        <${Shown} error=${error} isWaiting=${value === undefined}>
          <${Table} label="Keys" columns=${columns} rows=${value?.keys ?? []}
            keyOf=${(/** @type {any} */ { key }) => key} empty="It has stored nothing" />
          ${
            value?.cursor &&
            html`<button type="button" onClick=${() => setCursor(value.cursor)}>Next page</button>`
          }
        <//>
      <//>
      ${
        chosen !== '' &&
        html`<${Value} key=${chosen} path=${`${path}/${chosen}`} name=${keyText(chosen)}
          again=${again} close=${() => setChosen('')} />`
      }
    </div>`;
}

/** A store under a name belongs to the folder. @param {string} folder @param {string} module */
function ownerOf(folder, module) {
  return module.startsWith('store:') ? linkTo('site', folder) : linkTo('function', folder, module);
}

/** @param {{ path: string, name: string, again: () => void, close: () => void }} given */
function Value({ path, name, again, close }) {
  const { value, error, again: lookAgain } = useLook(() => getBytes(path), [path], 60_000);
  const [form, setForm] = useState(/** @type {keyof typeof forms} */ ('text'));
  const [draft, setDraft] = useState(/** @type {string | undefined} */ (undefined));
  const say = useContext(Say);
  const text = value === undefined ? '' : show(value.bytes, form);
  // What is no text would come back as another value.
  const isWhole = (value?.bytes.length ?? 0) <= shownBytesMax && isText(value?.bytes);
  const write = async () => {
    await putBytes(path, encoder.encode(draft), { 'if-match': value?.etag ?? '' });
    setDraft(undefined);
    lookAgain();
    again();
    return `${name} was written`;
  };
  const remove = async () => {
    await change('DELETE', path);
    again();
    close();
    say(`${name} was deleted`);
    return `${name} was deleted`;
  };
  const aside = html`<${Choice} label="Shown as" value=${form} choices=${forms}
    onChange=${setForm} />`;
  return html`<${Card} title=${name} aside=${aside}>
    <${Shown} error=${error} isWaiting=${value === undefined}>
      <textarea class="value" aria-label=${`Value of ${name}`} rows="12" spellcheck="false"
        readonly=${form !== 'text' || !isWhole} value=${draft ?? text}
        onInput=${(/** @type {any} */ event) => setDraft(event.target.value)}></textarea>
      ${
        !isWhole &&
        html`<p class="muted">${bytes(value?.bytes.length)}, of which 64 KiB are shown; what is
          longer, or no text, is written by terrafirma kv put</p>`
      }
      <div class="buttons">
        <${ActButton} label="Write" disabled=${draft === undefined || form !== 'text' || !isWhole}
          question=${`Write ${name}?`} act=${write}
          detail="Only if nobody has changed it meanwhile." />
        <${ActButton} label="Delete" danger question=${`Delete ${name}?`} act=${remove} />
        <button type="button" class="small" onClick=${close}>Close</button>
      </div>
    <//>
  <//>`;
}

/** @param {Uint8Array} all @param {keyof typeof forms} form */
function show(all, form) {
  const shown = all.subarray(0, shownBytesMax);
  if (form === 'hex') {
    return Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  }
  const text = new TextDecoder().decode(shown);
  if (form === 'text') return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch (error) {
    return `It is no JSON: ${error instanceof Error ? error.message : error}`;
  }
}

/** @param {Uint8Array | undefined} value */
function isText(value) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(value);
    return true;
  } catch {
    return false;
  }
}

/** Base64url, as the daemon names keys. @param {Uint8Array} key */
function encodeKey(key) {
  return btoa(String.fromCodePoint(...key))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** As text where it is one. @param {string} key */
function keyText(key) {
  const bytes = Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (sign) =>
    sign.charCodeAt(0),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return `base64:${key}`;
  }
}
