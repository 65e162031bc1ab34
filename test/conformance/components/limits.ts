/** The suite tries limits of its own, above ours. */
import { defaultComponentLimits } from '../../../src/wasm/component/limits.ts';
import { suiteLimits } from '../spec/world.ts';

export const suiteComponentLimits = { ...defaultComponentLimits, membersMax: 10_000 };
export const suiteModuleLimits = suiteLimits;
