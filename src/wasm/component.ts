/**
 * The bytes of a component → what runs of it: core modules, how they link, and what crosses between
 * them and the host. Pure: nothing is compiled or metered here.
 */
import { decodeComponent, isComponent } from './component/decode.ts';
import { type ComponentLimits, defaultComponentLimits } from './component/limits.ts';
import type { ComponentPlan } from './component/plan.ts';
import { linkComponent } from './component/resolve.ts';
import { validateComponent } from './component/validate.ts';
import type { CoreSource } from './program.ts';
import { defaultModuleLimits, type ModuleLimits } from './shape.ts';

export { isComponent };

/** Python's largest module has 918. */
const importsMax = 4_000;

export interface ComponentOptions {
  readonly limits?: ComponentLimits;
  /** Of each core module. */
  readonly moduleLimits?: ModuleLimits;
}

export interface ReadComponent {
  readonly cores: readonly CoreSource[];
  readonly plan: ComponentPlan;
}

/** @throws TerrafirmaError `module-refused`, with the offset where it has one */
export function readComponent(
  bytes: Uint8Array<ArrayBuffer>,
  options: ComponentOptions = {},
): ReadComponent {
  const { limits = defaultComponentLimits, moduleLimits = defaultModuleLimits } = options;
  const definition = decodeComponent(bytes, limits);
  const valid = validateComponent(bytes, definition, {
    limits,
    moduleLimits: { ...moduleLimits, importsMax: Math.max(importsMax, moduleLimits.importsMax) },
    isValid: (module) => WebAssembly.validate(module),
  });
  const { cores, plan } = linkComponent(definition, valid, limits);
  const sources = new Map<number, Uint8Array<ArrayBuffer>>();
  for (const { start, end, bytes: own } of cores) {
    if (own === undefined && !sources.has(start)) sources.set(start, bytes.slice(start, end));
  }
  return {
    plan,
    cores: cores.map(({ bytes: own, start, shape, links }) => ({
      bytes: own ?? sources.get(start) ?? new Uint8Array(0),
      shape,
      links,
    })),
  };
}
