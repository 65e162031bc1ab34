// Plain JavaScript for Node.js 18 and newer.

/**
 * That a feature is experimental is for us to know, not for who starts the program. A Node.js that
 * we start is told so by a flag (find-node.js); the one that runs us cannot be told any more.
 */
export function hideExperimentalWarnings() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const [first] = rest;
    const type = typeof first === 'object' ? first?.type : first;
    if ((warning.name ?? type) !== 'ExperimentalWarning') emit.call(process, warning, ...rest);
  };
}
