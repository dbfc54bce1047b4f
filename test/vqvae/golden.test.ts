import { variants } from "../support.js";
import { goldenModels, goldenSuite } from "./golden.js";

// The smallest one also with the tiled kernels, all of them with these in test/node/long: SwiftShader takes a minute.
for (const name of goldenModels) goldenSuite(name, () => variants({ tiled: name === "residual-16x12" }));
