/** What completion knows of a command. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly name: string; readonly summary: string }[];
}
