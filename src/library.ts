// Everything that the published entries share. It is built as one file, and each entry passes on its part of it.

// What the other entries need beside the public API.
export { record } from "./autograd/tape.js";
export { describeAdapter, isNullBackend } from "./gpu/adapter.js";
export * from "./gpu/arguments.js";
export * from "./index.js";
export { blockedStorage, blockSize, blocksOf, emptyBlocked } from "./ops/blocked.js";
export { codeSums } from "./ops/code_sums.js";
export { sumOver } from "./ops/sum.js";
export { zeros } from "./ops/zeros.js";
export { checkTensor } from "./tensor/check_tensor.js";
export { choicesName } from "./tensor/choice_store.js";
export { Gpu } from "./tensor/gpu.js";
export { openAdapter } from "./tensor/open_device.js";
export * from "./vqvae/index.js";
