/**
 * What a guest may reach outside its own memory: for each line of the catalogue what its `lend`
 * gives. Each is made for one run of one module of one site, already narrowed to it and counting
 * against its limits; a guest cannot name anybody else's.
 */
import type { CapabilityName, Catalogue } from './catalogue.ts';

export type Capabilities = {
  readonly [Name in CapabilityName]: ReturnType<Catalogue[Name]['lend']>;
};
