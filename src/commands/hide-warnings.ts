/**
 * That a feature of Node.js is experimental is for us to know, not for who starts the program.
 * Processes and threads that we start are told so by a flag; this one was started by others.
 */
export function hideExperimentalWarnings(from: Pick<NodeJS.Process, 'emitWarning'>): void {
  const emit = from.emitWarning as (...parts: readonly unknown[]) => void;
  from.emitWarning = (warning: string | Error, ...rest: readonly unknown[]) => {
    if (nameOf(warning, rest[0]) !== 'ExperimentalWarning') emit.call(from, warning, ...rest);
  };
}

/** `about`: the name itself, or options that have it. */
function nameOf(warning: string | Error, about: unknown): unknown {
  if (warning instanceof Error) return warning.name;
  return typeof about === 'object' ? (about as { readonly type?: unknown } | null)?.type : about;
}
