export * from "../index.js";
export { type AdapterChoice, type NodeOpenDeviceOptions, openDevice } from "./adapters/open_device.js";
export type { Dataset, DatasetOptions } from "./datasets/dataset.js";
export { loadDataset } from "./datasets/datasets.js";
