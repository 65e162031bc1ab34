/** The known name that a person most likely meant: for unknown flags, keys and variables. */

/** The nearest of `known`, when it is near enough to be a slip of the keys; else undefined. */
export function nearestName(received: string, known: Iterable<string>): string | undefined {
  const distanceMax = Math.max(1, Math.floor(received.length / 3));
  let nearest: string | undefined;
  let nearestDistance = distanceMax + 1;
  for (const name of known) {
    const distance = editDistance(received.toLowerCase(), name.toLowerCase());
    if (distance < nearestDistance) {
      nearest = name;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** Put after an unknown name: ` (did you mean "listen"?)` or nothing. */
export function suggestion(received: string, known: Iterable<string>): string {
  const nearest = nearestName(received, known);
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}

/** How many slips of the keys apart: a letter more, less, another, or two that changed places. */
function editDistance(left: string, right: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let line = 1; line <= left.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[line - 1] === right[column - 1];
      const isSwapped =
        left[line - 2] === right[column - 1] && left[line - 1] === right[column - 2];
      const substituted = (row[column - 1] ?? 0) + (isSame ? 0 : 1);
      const swapped = isSwapped ? (before[column - 2] ?? Infinity) + 1 : Infinity;
      const shifted = Math.min(row[column] ?? 0, next[column - 1] ?? 0) + 1;
      next.push(Math.min(shifted, substituted, swapped));
    }
    before = row;
    row = next;
  }
  return row[right.length] ?? 0;
}
