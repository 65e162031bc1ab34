/**
 * Whether a component may run: what it imports is there and has the types that it expects, and it
 * exports something that can be served. Decided at deploy: what would fail in front of a visitor
 * is refused in front of the owner, everything at fault named at once.
 */
import { quoteReceived } from '../../names/quote.ts';
import type {
  ComponentPlan,
  PlannedExport,
  PlannedResource,
  Trampoline,
} from '../../wasm/component/plan.ts';
import {
  type FuncType,
  partsOf,
  type ResourceType,
  type ValueType,
} from '../../wasm/component/types.ts';
import type { AbiVerdict } from '../abi.ts';
import type { Interfaces } from './interfaces.ts';

const faultsNamedMax = 10;

/** Whether types of a component are those of the host. */
class Matching {
  readonly #interfaces: Interfaces;
  readonly #resources: ReadonlyMap<number, PlannedResource>;
  readonly #same = new Map<ValueType, Set<ValueType>>();

  constructor(interfaces: Interfaces, plan: ComponentPlan) {
    this.#interfaces = interfaces;
    this.#resources = new Map(plan.resources.map((resource) => [resource.id, resource]));
  }

  areFuncs(guests: FuncType, ours: FuncType): boolean {
    if (guests.isAsync !== ours.isAsync || guests.params.length !== ours.params.length)
      return false;
    const fit = guests.params.every((param, place) => {
      const other = ours.params[place];
      return other?.name === param.name && this.#areTypes(param.type, other.type);
    });
    if (!fit) return false;
    if (guests.result === undefined || ours.result === undefined) {
      return guests.result === ours.result;
    }
    return this.#areTypes(guests.result, ours.result);
  }

  #areTypes(guests: ValueType, ours: ValueType): boolean {
    const known = this.#same.get(guests);
    if (known?.has(ours) === true) return true;
    if (guests.kind !== ours.kind) return false;
    if ('resource' in guests && 'resource' in ours) {
      return this.#areResources(guests.resource, ours.resource);
    }
    if (JSON.stringify(namesOf(guests)) !== JSON.stringify(namesOf(ours))) return false;
    const others = partsOf(ours);
    const parts = partsOf(guests);
    const fit = parts.every((part, place) => {
      const other = others[place];
      return other !== undefined && this.#areTypes(part, other);
    });
    if (!fit || parts.length !== others.length) return false;
    if (known === undefined) this.#same.set(guests, new Set([ours]));
    else known.add(ours);
    return true;
  }

  /** A guest's name for a resource may be another interface's, which uses it. */
  #areResources(guests: ResourceType, ours: ResourceType): boolean {
    const resource = this.#resources.get(guests.id);
    if (resource?.origin !== 'host') return false;
    const type = this.#interfaces.findImport(resource.interface)?.types.get(resource.name);
    return type?.kind === 'resource' && type.id === ours.id;
  }
}

function namesOf(type: ValueType): unknown {
  const isThere = (part: ValueType | undefined): boolean => part !== undefined;
  if (type.kind === 'record') return type.fields.map(({ name }) => name);
  if (type.kind === 'variant') return type.cases.map((each) => [each.name, isThere(each.type)]);
  if (type.kind === 'flags' || type.kind === 'enum') return type.labels;
  return type.kind === 'result' ? [isThere(type.ok), isThere(type.error)] : undefined;
}

const adviceOnUnknown =
  'docs/guests/components.md lists what there is, and `wac plug` puts in a component that has it';

/** The export that a request calls; `entry` names it, as in `findEntry`. */
export function judgeComponent(
  plan: ComponentPlan,
  interfaces: Interfaces,
  served: string,
): AbiVerdict {
  const entry = plan.exports.find((each) => interfaces.findExport(each.interface)?.name === served);
  if (entry === undefined) return { kind: 'other' };
  const matching = new Matching(interfaces, plan);
  const expected = interfaces.findExport(entry.interface)?.functions.get(entry.name)?.type;
  /** Of them, those about what nobody here has. */
  const unknown = new Set<string>();
  const faults = plan.trampolines.flatMap((each) => {
    const fault = judgeImport(each, interfaces, matching);
    if (fault?.isUnknown === true) unknown.add(fault.text);
    return fault === undefined ? [] : [fault.text];
  });
  if (expected === undefined || !matching.areFuncs(entry.type, expected)) {
    const label = quoteReceived(`${entry.interface}#${entry.name}`);
    faults.unshift(`export ${label}: it must take our own requests, not those of a layer between`);
  }
  if (faults.length === 0) return { kind: 'speaks', entry: entryNameOf(entry) };
  const unique = [...new Set(faults)];
  const named = unique.slice(0, faultsNamedMax);
  if (unique.length > named.length) named.push(`and ${unique.length - named.length} more`);
  if (unique.some((fault) => unknown.has(fault))) named.push(adviceOnUnknown);
  return { kind: 'refused', reason: `Cannot run the component: ${named.join('; ')}` };
}

export function entryNameOf({ interface: owner, name }: PlannedExport): string {
  return `${owner}#${name}`;
}

/** @throws TypeError for a name that no verdict gave */
export function findEntry(plan: ComponentPlan, entry: string): PlannedExport {
  const found = plan.exports.find((each) => entryNameOf(each) === entry);
  if (found === undefined) throw new TypeError(`Cannot find the export ${entry}`);
  return found;
}

function judgeImport(
  trampoline: Trampoline,
  interfaces: Interfaces,
  matching: Matching,
): { readonly text: string; readonly isUnknown: boolean } | undefined {
  if (trampoline.kind !== 'host') return undefined;
  const { interface: owner, name, type } = trampoline;
  const known = interfaces.findImport(owner);
  if (known === undefined) {
    return { text: `unknown interface ${quoteReceived(owner)}`, isUnknown: true };
  }
  const label = quoteReceived(`${owner}#${name}`);
  const ours = known.functions.get(name);
  if (ours === undefined) return { text: `unknown function ${label}`, isUnknown: true };
  if (matching.areFuncs(type, ours.type)) return undefined;
  return { text: `import ${label} has another type here`, isUnknown: false };
}
