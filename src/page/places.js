/** Where in the dashboard one is: the part of the address after `#`. Pure but for `usePlace`. */
import { useEffect, useState } from './library/preact.js';

/** @typedef {{ page: string, parts: readonly string[], query: URLSearchParams }} Place */

/** @returns {Place} */
export function readPlace(hash = location.hash) {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', ...parts] = path.split('/').map(decode);
  return { page: page === '' ? 'overview' : page, parts, query: new URLSearchParams(query) };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} page @param {...string} parts */
export function linkTo(page, ...parts) {
  return `#/${[page, ...parts].map((part) => encodeURIComponent(part)).join('/')}`;
}

/** @returns {Place} */
export function usePlace() {
  const [place, setPlace] = useState(readPlace());
  useEffect(() => {
    const follow = () => setPlace(readPlace());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return place;
}
