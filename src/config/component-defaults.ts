/** What is read of a component at most, unless an operator says otherwise. */
export const componentDefaults = {
  componentLevelsMax: 16,
  componentModulesMax: 64,
  componentCoresMax: 128,
  componentInstancesMax: 1_024,
  componentTypesMax: 10_000,
  componentFunctionsMax: 4_000,
  componentNameBytesMax: 1024 * 1024,
} as const;
