/** Asking the daemon, and changing something in it. */

/** What the daemon answered instead: its own sentence. */
export class Refusal extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** @typedef {Record<string, any>} Json */

/** @param {string} path @returns {Promise<Json>} */
export async function get(path) {
  return await read(await fetch(path, { headers: { accept: 'application/json' } }));
}

/** The bytes of a stored value. @param {string} path */
export async function getBytes(path) {
  const response = await fetch(path);
  if (!response.ok) await read(response);
  return {
    bytes: new Uint8Array(await response.arrayBuffer()),
    etag: response.headers.get('etag') ?? '',
  };
}

/** @param {string} method @param {string} path @param {unknown} [value] @returns {Promise<Json>} */
export async function change(method, path, value = {}) {
  const headers = { 'content-type': 'application/json' };
  return await read(await fetch(path, { method, headers, body: JSON.stringify(value) }));
}

/** @param {string} path @param {Uint8Array} bytes @param {Record<string, string>} headers */
export async function putBytes(path, bytes, headers) {
  const body = /** @type {BodyInit} */ (bytes);
  return await read(await fetch(path, { method: 'PUT', headers, body }));
}

/** @param {Response} response @returns {Promise<Json>} */
async function read(response) {
  const text = await response.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(response.status, 'unreadable', `The daemon answered ${response.status}`);
  }
  if (response.ok) return value;
  throw new Refusal(response.status, String(value.code), String(value.detail ?? value.title));
}

/** A path with names in it that strangers chose. @param {...string} parts */
export function pathOf(...parts) {
  return parts.map((part) => encodeURIComponent(part)).join('/');
}

/** A query; what is undefined or empty is left out. @param {Record<string, unknown>} fields */
export function queryOf(fields) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
