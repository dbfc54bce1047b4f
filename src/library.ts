// Everything that the published entries share. It is built as one file, and each entry passes on its part of it.

// What Node's entry needs beside the public API.
export { describeAdapter, isNullBackend } from "./gpu/adapter.js";
export * from "./index.js";
export { choicesName } from "./tensor/choice_store.js";
export { openAdapter } from "./tensor/open_device.js";
export * from "./vqvae/index.js";
