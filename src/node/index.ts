export * from "../index.js";
export { type AdapterChoice, type NodeOpenDeviceOptions, openDevice } from "./adapters/open_device.js";
