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
  return {
    plan,
    // Views: copies of a large program are dear, and so is to give them back.
    cores: cores.map(({ bytes: own, start, end, shape, links }) => ({
      bytes: own ?? bytes.subarray(start, end),
      shape,
      links,
    })),
  };
}
