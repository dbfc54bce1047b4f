export * from "../index.js";
export { type AdapterChoice, type NodeOpenDeviceOptions, openDevice } from "./open_device.js";
