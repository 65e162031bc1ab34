/** SHA-256 of the original bytes of a `.wasm` file, 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly digest: unique symbol };
