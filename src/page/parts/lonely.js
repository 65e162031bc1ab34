/**
 * Where values have none beside them; null: nowhere. Pure.
 *
 * @param {ArrayLike<number | null | undefined>} values
 * @returns {number[] | null}
 */
export function lonely(values) {
  const found = [];
  const isThere = (/** @type {number} */ at) => (values[at] ?? null) !== null;
  for (let at = 0; at < values.length; at += 1) {
    if (isThere(at) && !isThere(at - 1) && !isThere(at + 1)) found.push(at);
  }
  return found.length === 0 ? null : found;
}
